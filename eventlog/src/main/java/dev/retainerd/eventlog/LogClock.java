package dev.retainerd.eventlog;

import java.time.Instant;

/** Where the log takes its times from. Thread-safe. */
public interface LogClock {

  /** Wall time, nanoseconds since the epoch. It may step in both directions. */
  long wallNanos();

  /** Nanoseconds since some fixed point of this boot; never goes back within a process. */
  long monotonicNanos();

  /** The machine's clocks. */
  static LogClock system() {
    return new LogClock() {
      @Override
      public long wallNanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
      }

      @Override
      public long monotonicNanos() {
        // CLOCK_MONOTONIC on Linux, so comparable between processes of one boot.
        return System.nanoTime();
      }
    };
  }
}
