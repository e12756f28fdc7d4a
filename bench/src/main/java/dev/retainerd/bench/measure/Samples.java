package dev.retainerd.bench.measure;

import java.util.Arrays;

/** Times of one phase on one target, in nanoseconds, in the order they were taken. Immutable. */
public record Samples(long[] nanos) {
  /** Copies; a record that shared its array would not be immutable. */
  public Samples {
    nanos = nanos.clone();
  }

  @Override
  public long[] nanos() {
    return nanos.clone();
  }

  /** How many there are. */
  public int count() {
    return nanos.length;
  }

  /** The value below which {@code share} (0..1) of the samples lie, in milliseconds. */
  public double quantileMillis(double share) {
    if (nanos.length == 0) {
      throw new IllegalStateException("no samples: a quantile needs at least one");
    }
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    double position = share * (sorted.length - 1);
    int below = (int) Math.floor(position);
    int above = Math.min(below + 1, sorted.length - 1);
    double value = sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    return value / 1e6;
  }

  /** The middle, in milliseconds. */
  public double medianMillis() {
    return quantileMillis(0.5);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Samples that && Arrays.equals(nanos, that.nanos);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(nanos);
  }
}
