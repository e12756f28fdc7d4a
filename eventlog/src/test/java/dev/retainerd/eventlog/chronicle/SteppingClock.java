package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.LogClock;
import java.util.Random;

/** A wall clock that steps about by up to a quarter of an hour, in both directions. */
final class SteppingClock implements LogClock {
  private final Random random;
  private long now;

  SteppingClock(Random random) {
    this.random = random;
    this.now = random.nextLong(1L << 60);
  }

  @Override
  public long wallNanos() {
    now += random.nextLong(2_000_000_000_000L) - 1_000_000_000_000L;
    return now;
  }

  @Override
  public long monotonicNanos() {
    return System.nanoTime();
  }
}
