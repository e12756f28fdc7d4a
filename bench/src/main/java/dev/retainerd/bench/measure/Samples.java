package dev.retainerd.bench.measure;

import java.util.Arrays;
import java.util.List;

/** Values of one metric on one target, in the order they were taken. Immutable. */
public record Samples(double[] values) {
  /** Copies; a record that shared its array would not be immutable. */
  public Samples {
    values = values.clone();
  }

  /** From a list. */
  public static Samples of(List<Double> values) {
    return new Samples(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  @Override
  public double[] values() {
    return values.clone();
  }

  /** How many there are. */
  public int count() {
    return values.length;
  }

  /** The value below which {@code share} (0..1) of the samples lie. */
  public double quantile(double share) {
    if (values.length == 0) {
      throw new IllegalStateException("no samples: a quantile needs at least one");
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return quantileOfSorted(sorted, share);
  }

  /** The same for values that are already in order. */
  static double quantileOfSorted(double[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) Math.floor(position);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }

  /** The middle. */
  public double median() {
    return quantile(0.5);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Samples that && Arrays.equals(values, that.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return Arrays.toString(values);
  }
}
