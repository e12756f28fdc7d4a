package dev.retainerd.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Runs rounds of several targets in turn (A B A B ...), so that what disturbs the machine disturbs
 * all of them alike. With a third, mostly a floor, the order changes from round to round: whoever
 * comes after the longest or coldest of them would otherwise always pay for it, a quarter of a
 * short call. The first rounds warm up and are not counted.
 */
public final class Interleaving {
  /** One target's side of a stage. */
  public interface Turn {
    /** The name the report shows. */
    String target();

    /** Whether it is a floor and no runtime. */
    default boolean floor() {
      return false;
    }

    /**
     * Does one round and says what it measured.
     *
     * @throws Exception when an operation failed; no figure is then given for the whole stage
     */
    Readings round(int number) throws Exception;

    /** What was noted beside the readings; asked for after the last round. */
    default List<Curve> curves() {
      return List.of();
    }
  }

  /** Each comes as often behind each of the others, and never behind itself. */
  private static final List<List<Integer>> ORDERS_OF_THREE =
      List.of(
          List.of(0, 1, 2),
          List.of(1, 0, 2),
          List.of(0, 2, 1),
          List.of(2, 1, 0),
          List.of(1, 2, 0),
          List.of(2, 0, 1));

  /** Told after each round; {@code done} of {@code all}. */
  public interface Progress {
    /** A round ended. */
    void advanced(int done, int all);
  }

  /** A round that failed: says which, of whom. */
  public static final class RoundFailed extends Exception {
    private static final long serialVersionUID = 1L;

    RoundFailed(String target, int round, Exception cause) {
      super(
          "round "
              + round
              + " on "
              + target
              + " failed: "
              + (cause.getMessage() == null ? cause.toString() : cause.getMessage()),
          cause);
    }
  }

  private Interleaving() {}

  /**
   * Runs {@code warmUp} + {@code rounds} rounds of each turn and returns a measurement for each.
   */
  public static List<Measurement> run(
      List<? extends Turn> turns, int warmUp, int rounds, Progress progress) throws RoundFailed {
    List<Map<Metric, List<Double>>> collected = new ArrayList<>();
    turns.forEach(turn -> collected.add(new LinkedHashMap<>()));
    int all = (warmUp + rounds) * turns.size();
    int done = 0;
    for (int round = 0; round < warmUp + rounds; round++) {
      for (int i : order(turns.size(), round)) {
        Readings readings = oneRound(turns.get(i), round);
        if (round >= warmUp) {
          Map<Metric, List<Double>> into = collected.get(i);
          readings.forEach(
              (metric, value) -> into.computeIfAbsent(metric, m -> new ArrayList<>()).add(value));
        }
        progress.advanced(++done, all);
      }
    }
    List<Measurement> measurements = new ArrayList<>();
    for (int i = 0; i < turns.size(); i++) {
      Map<Metric, Samples> samples = new LinkedHashMap<>();
      collected.get(i).forEach((metric, values) -> samples.put(metric, Samples.of(values)));
      Turn turn = turns.get(i);
      measurements.add(new Measurement(turn.target(), turn.floor(), samples, turn.curves()));
    }
    return measurements;
  }

  /** The order of {@code count} turns in a round. */
  static List<Integer> order(int count, int round) {
    return count == 3
        ? ORDERS_OF_THREE.get(round % ORDERS_OF_THREE.size())
        : IntStream.range(0, count).boxed().toList();
  }

  private static Readings oneRound(Turn turn, int round) throws RoundFailed {
    try {
      return turn.round(round);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RoundFailed(turn.target(), round, e);
    } catch (Exception e) {
      throw new RoundFailed(turn.target(), round, e);
    }
  }
}
