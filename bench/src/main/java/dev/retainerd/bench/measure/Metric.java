package dev.retainerd.bench.measure;

/**
 * Something that a round measures.
 *
 * @param name in words, unique in its stage
 * @param unit what its values are counted in
 */
public record Metric(String name, Unit unit) {
  /** A time in milliseconds. */
  public static Metric millis(String name) {
    return new Metric(name, Unit.MILLIS);
  }
}
