package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.bench.measure.Interleaving;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class InterleavingTest {
  private final List<String> order = new ArrayList<>();

  private final class Recorded implements Interleaving.Turn {
    private final String name;
    private final int failing;

    Recorded(String name, int failing) {
      this.name = name;
      this.failing = failing;
    }

    @Override
    public String target() {
      return name;
    }

    @Override
    public Readings round(int number) {
      if (number == failing) {
        throw new IllegalStateException("it fell over");
      }
      order.add(name + number);
      return new Readings().addNanos("total", number * 1_000_000L);
    }
  }

  @Test
  void targetsTakeTurnsAndWarmUpIsNotCounted() throws Exception {
    List<Measurement> measured =
        Interleaving.run(
            List.of(new Recorded("a", -1), new Recorded("b", -1)), 1, 2, (done, all) -> {});
    assertEquals(List.of("a0", "b0", "a1", "b1", "a2", "b2"), order);
    assertArrayEquals(
        new double[] {1, 2}, measured.get(0).samples().get(Metric.millis("total")).values());
    assertEquals("b", measured.get(1).target());
  }

  /** Whoever always came behind the floor would always pay for it. */
  @Test
  void ofThreeEachComesAsOftenBehindEachOfTheOthers() throws Exception {
    Interleaving.run(
        List.of(new Recorded("a", -1), new Recorded("b", -1), new Recorded("f", -1)),
        0,
        12,
        (done, all) -> {});
    Map<String, Integer> pairs = new TreeMap<>();
    for (int i = 1; i <= order.size(); i++) {
      String before = order.get(i - 1).substring(0, 1);
      pairs.merge(before + order.get(i % order.size()).substring(0, 1), 1, Integer::sum);
    }
    assertEquals(Map.of("ab", 6, "ba", 6, "af", 6, "fa", 6, "bf", 6, "fb", 6), pairs);
    for (int round = 0; round < 12; round++) {
      int number = round;
      assertEquals(3, order.stream().filter(o -> o.substring(1).equals(number + "")).count());
    }
  }

  @Test
  void aFailedRoundNamesItsTargetAndGivesNoFigures() {
    Interleaving.RoundFailed failed =
        assertThrows(
            Interleaving.RoundFailed.class,
            () -> Interleaving.run(List.of(new Recorded("ours", 1)), 0, 3, (done, all) -> {}));
    assertTrue(failed.getMessage().contains("round 1 on ours"), failed.getMessage());
    assertTrue(failed.getMessage().contains("it fell over"), failed.getMessage());
  }
}
