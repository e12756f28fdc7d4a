package dev.retainerd.bench.measure;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A stage that went through without a failed operation.
 *
 * @param name as it is selected
 * @param title what was done, in a line
 * @param measurements one for each target, floors last
 */
public record StageResult(String name, String title, List<Measurement> measurements) {
  /** Every metric that any target has, in order. */
  public Set<Metric> metrics() {
    Set<Metric> metrics = new LinkedHashSet<>();
    measurements.forEach(one -> metrics.addAll(one.samples().keySet()));
    return metrics;
  }

  /**
   * The first runtime against the second, or, where there is only one, against the floor. A rate is
   * turned over, so that below 1.00 the first is always the better one.
   */
  public Optional<Ratio> ratio(Metric metric) {
    List<Measurement> sides =
        measurements.stream().filter(one -> one.samples().containsKey(metric)).toList();
    if (sides.size() < 2 || sides.getFirst().floor()) {
      return Optional.empty();
    }
    Samples first = sides.get(0).samples().get(metric);
    Samples second = sides.get(1).samples().get(metric);
    return metric.unit().lessIsBetter()
        ? Ratio.of(first, second, Ratio.CONFIDENCE)
        : Ratio.of(second, first, Ratio.CONFIDENCE);
  }
}
