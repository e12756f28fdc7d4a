package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Ratio;
import dev.retainerd.bench.measure.Regression;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.measure.Unit;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  private static final Metric TIME = Metric.millis("total");
  private static final Metric RATE = new Metric("rate", Unit.PER_SECOND);

  private static Samples around(double middle, int seed) {
    Random random = new Random(seed);
    return new Samples(random.doubles(40, middle * 0.9, middle * 1.1).toArray());
  }

  private static StageResult stage(Metric metric, Samples ours, Samples peer) {
    return new StageResult(
        "stage",
        "a stage",
        List.of(
            new Measurement("ours", false, Map.of(metric, ours), List.of()),
            new Measurement("peer", false, Map.of(metric, peer), List.of())));
  }

  @Test
  void quantilesLieBetweenTheSamples() {
    Samples samples = new Samples(new double[] {4, 1, 3, 2});
    assertEquals(2.5, samples.median(), 1e-9);
    assertEquals(1.0, samples.quantile(0), 1e-9);
    assertEquals(4.0, samples.quantile(1), 1e-9);
  }

  @Test
  void theIntervalHoldsTheTrueRatioAndIsTheSameEachTime() {
    Ratio ratio = Ratio.of(around(20, 1), around(10, 2), Ratio.CONFIDENCE).orElseThrow();
    assertTrue(ratio.low() < 2 && ratio.high() > 2, ratio.toString());
    assertTrue(ratio.high() - ratio.low() < 0.4, ratio.toString());
    assertEquals(ratio, Ratio.of(around(20, 1), around(10, 2), Ratio.CONFIDENCE).orElseThrow());
  }

  @Test
  void fewSamplesGiveARatioWithoutInterval() {
    Samples two = new Samples(new double[] {1, 2});
    assertFalse(Ratio.of(two, two, Ratio.CONFIDENCE).orElseThrow().hasInterval());
  }

  @Test
  void aRateIsTurnedOverSoThatBelowOneIsBetter() {
    StageResult stage = stage(RATE, around(30, 1), around(10, 2));
    assertTrue(stage.ratio(RATE).orElseThrow().high() < 0.5);
  }

  @Test
  void aSlowdownOfTheTargetAloneIsARegression() {
    List<Regression> worse =
        Regression.between(
            List.of(stage(TIME, around(10, 1), around(10, 2))),
            List.of(stage(TIME, around(15, 3), around(10, 4))));
    assertEquals(1, worse.size());
    assertTrue(worse.getFirst().sentence().contains("total"), worse.getFirst().sentence());
  }

  @Test
  void aSlowerMachineIsNoRegressionOfTheTarget() {
    assertEquals(
        List.of(),
        Regression.between(
            List.of(stage(TIME, around(10, 1), around(10, 2))),
            List.of(stage(TIME, around(15, 3), around(15, 4)))));
  }

  @Test
  void noiseIsNoRegression() {
    assertEquals(
        List.of(),
        Regression.between(
            List.of(stage(TIME, around(10, 1), around(10, 2))),
            List.of(stage(TIME, around(10.2, 5), around(10, 6)))));
  }

  @Test
  void aLowerRateIsARegression() {
    assertEquals(
        1,
        Regression.between(
                List.of(stage(RATE, around(10, 1), around(10, 2))),
                List.of(stage(RATE, around(6, 3), around(10, 4))))
            .size());
  }
}
