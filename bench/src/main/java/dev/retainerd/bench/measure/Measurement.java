package dev.retainerd.bench.measure;

import java.util.List;
import java.util.Map;

/**
 * What one stage gave on one target: samples for each metric, in the order of the rounds.
 *
 * @param target the name of the target, as the report shows it
 * @param floor whether it is no runtime, but the least that any of them must do
 * @param samples metric to its samples, in the order the rounds named them
 * @param curves what was noted beside them
 */
public record Measurement(
    String target, boolean floor, Map<Metric, Samples> samples, List<Curve> curves) {}
