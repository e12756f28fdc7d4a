package dev.retainerd.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** What one round measured: one value or several for each metric, in order. For one thread. */
public final class Readings {
  private static final double NANOS_PER_MILLI = 1e6;

  private final Map<Metric, List<Double>> values = new LinkedHashMap<>();

  /** Adds a value; returns this. */
  public Readings add(Metric metric, double value) {
    values.computeIfAbsent(metric, m -> new ArrayList<>()).add(value);
    return this;
  }

  /** Adds a time that was taken in nanoseconds; returns this. */
  public Readings addNanos(String name, long nanos) {
    return add(Metric.millis(name), nanos / NANOS_PER_MILLI);
  }

  /** Adds all of {@code more}; returns this. */
  public Readings addAll(Readings more) {
    more.values.forEach((metric, list) -> list.forEach(value -> add(metric, value)));
    return this;
  }

  /** Each value of each metric. */
  public void forEach(BiConsumer<Metric, Double> visitor) {
    values.forEach((metric, list) -> list.forEach(value -> visitor.accept(metric, value)));
  }
}
