package dev.retainerd.bench.measure;

/** What a metric is counted in, and which way is better. */
public enum Unit {
  /** A time. */
  MILLIS("ms", true),
  /** Memory, 2^20 bytes being one; or traffic, 10^6 being one. */
  MEGABYTES("MB", true),
  /** Things done in a second. */
  PER_SECOND("/s", false),
  /** Throughput. */
  MEGABYTES_PER_SECOND("MB/s", false),
  /** Processor time; 100 is one core that does nothing else. */
  PERCENT_OF_CORE("% core", true),
  /** Things that should not be, such as leaks. */
  COUNT("left", true);

  private final String symbol;
  private final boolean lessIsBetter;

  Unit(String symbol, boolean lessIsBetter) {
    this.symbol = symbol;
    this.lessIsBetter = lessIsBetter;
  }

  /** As tables show it. */
  public String symbol() {
    return symbol;
  }

  /** Whether the smaller value wins. */
  public boolean lessIsBetter() {
    return lessIsBetter;
  }
}
