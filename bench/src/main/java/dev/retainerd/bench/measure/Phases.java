package dev.retainerd.bench.measure;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A stopwatch for one round: each {@link #lap} ends a phase and begins the next. For one thread;
 * not reusable.
 */
public final class Phases {
  /** The phase that holds all others. */
  public static final String TOTAL = "total";

  private final Map<String, Long> nanos = new LinkedHashMap<>();
  private final long started = System.nanoTime();
  private long last = started;

  /** Ends the phase {@code name}; a name used twice adds up. */
  public void lap(String name) {
    long now = System.nanoTime();
    nanos.merge(name, now - last, Long::sum);
    last = now;
  }

  /** The phases in their order, with {@link #TOTAL} (start to the last lap) at the end. */
  public Readings finish() {
    Readings readings = new Readings();
    nanos.forEach(readings::addNanos);
    return readings.addNanos(TOTAL, last - started);
  }
}
