package dev.retainerd.bench.measure;

import java.util.Arrays;
import java.util.List;

/**
 * A value that depends on another, such as memory on the number of pods. Immutable.
 *
 * @param name what is drawn, such as {@code memory of the daemon}
 * @param across name and unit of the horizontal axis
 * @param up name and unit of the vertical one
 * @param points pairs of (across, up), in the order they were taken
 */
public record Curve(String name, String across, String up, List<double[]> points) {
  /** Copies the list and its pairs. */
  public Curve {
    points = points.stream().map(pair -> Arrays.copyOf(pair, 2)).toList();
  }
}
