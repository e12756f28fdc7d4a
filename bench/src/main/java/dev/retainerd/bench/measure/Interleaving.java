package dev.retainerd.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs rounds of several targets in turn (A B A B ...), so that what disturbs the machine disturbs
 * all of them alike. The first rounds warm up and are not counted.
 */
public final class Interleaving {
  /** One target's side of a scenario. */
  public interface Turn {
    /** The name the report shows. */
    String target();

    /**
     * Does one round and says how long each phase took, in nanoseconds.
     *
     * @throws Exception when an operation failed; no figure is then given for the whole run
     */
    Map<String, Long> round(int number) throws Exception;
  }

  /** Told after each round; {@code done} of {@code all}. */
  public interface Progress {
    /** A round ended. */
    void advanced(int done, int all);
  }

  /** A round that failed: says which, of whom. */
  public static final class RoundFailed extends Exception {
    private static final long serialVersionUID = 1L;

    RoundFailed(String target, int round, Exception cause) {
      super("round " + round + " on " + target + " failed: " + cause.getMessage(), cause);
    }
  }

  private Interleaving() {}

  /**
   * Runs {@code warmUp} + {@code rounds} rounds of each turn and returns a measurement for each.
   */
  public static List<Measurement> run(
      List<? extends Turn> turns, int warmUp, int rounds, Progress progress) throws RoundFailed {
    List<Map<String, List<Long>>> collected = new ArrayList<>();
    turns.forEach(turn -> collected.add(new LinkedHashMap<>()));
    int all = (warmUp + rounds) * turns.size();
    int done = 0;
    for (int round = 0; round < warmUp + rounds; round++) {
      for (int i = 0; i < turns.size(); i++) {
        Map<String, Long> phases = oneRound(turns.get(i), round);
        if (round >= warmUp) {
          Map<String, List<Long>> into = collected.get(i);
          phases.forEach(
              (phase, nanos) -> into.computeIfAbsent(phase, p -> new ArrayList<>()).add(nanos));
        }
        progress.advanced(++done, all);
      }
    }
    List<Measurement> measurements = new ArrayList<>();
    for (int i = 0; i < turns.size(); i++) {
      Map<String, Samples> phases = new LinkedHashMap<>();
      collected
          .get(i)
          .forEach(
              (phase, values) ->
                  phases.put(
                      phase, new Samples(values.stream().mapToLong(Long::longValue).toArray())));
      measurements.add(new Measurement(turns.get(i).target(), phases));
    }
    return measurements;
  }

  private static Map<String, Long> oneRound(Turn turn, int round) throws RoundFailed {
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
