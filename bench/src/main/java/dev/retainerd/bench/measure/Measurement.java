package dev.retainerd.bench.measure;

import java.util.Map;

/**
 * What one scenario gave on one target: samples for each phase, in the order of the round.
 *
 * @param target the name of the target, as the report shows it
 * @param phases phase to its samples
 */
public record Measurement(String target, Map<String, Samples> phases) {}
