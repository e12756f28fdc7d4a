package dev.retainerd.bench.measure;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * The median of one target divided by that of another, with an interval for it by the bootstrap
 * (Efron 1979): both sides are drawn again with replacement, and the middle share of the ratios of
 * those draws is the interval. The same samples give the same interval.
 *
 * @param value the ratio of the medians
 * @param low lower end of the interval; equal to {@code value} where there are too few samples
 * @param high upper end
 */
public record Ratio(double value, double low, double high) {
  /** Below this there is no interval worth the name. */
  private static final int SAMPLES_MIN = 5;

  private static final int DRAWS = 2_000;
  private static final long SEED = 0x7265_7461_696eL;

  /** The interval that reports show. */
  public static final double CONFIDENCE = 0.95;

  /** {@code first} divided by {@code second}; empty where the second's median is 0. */
  public static Optional<Ratio> of(Samples first, Samples second, double confidence) {
    double below = second.median();
    if (below <= 0) {
      return Optional.empty();
    }
    double value = first.median() / below;
    if (first.count() < SAMPLES_MIN || second.count() < SAMPLES_MIN) {
      return Optional.of(new Ratio(value, value, value));
    }
    double[] ratios = drawn(first.values(), second.values());
    double tail = (1 - confidence) / 2;
    return Optional.of(
        new Ratio(
            value,
            Samples.quantileOfSorted(ratios, tail),
            Samples.quantileOfSorted(ratios, 1 - tail)));
  }

  /** Whether there were samples enough for an interval. */
  public boolean hasInterval() {
    return low < high;
  }

  private static double[] drawn(double[] first, double[] second) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[] ratios = new double[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      double divisor = medianOfDraw(second, random);
      ratios[i] = divisor > 0 ? medianOfDraw(first, random) / divisor : Double.POSITIVE_INFINITY;
    }
    Arrays.sort(ratios);
    return ratios;
  }

  private static double medianOfDraw(double[] values, SplittableRandom random) {
    double[] draw = new double[values.length];
    for (int i = 0; i < draw.length; i++) {
      draw[i] = values[random.nextInt(values.length)];
    }
    Arrays.sort(draw);
    return Samples.quantileOfSorted(draw, 0.5);
  }
}
