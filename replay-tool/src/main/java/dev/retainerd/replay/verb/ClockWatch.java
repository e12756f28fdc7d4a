package dev.retainerd.replay.verb;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.store.words.Phrases;
import java.util.Optional;

/** Compares wall clock and monotonic clock from event to event. Not thread-safe. */
final class ClockWatch {
  private static final long TOLERATED_NANOS = 1_000_000_000L;

  private Optional<EncodedEnvelope> before = Optional.empty();
  private long jumps;
  private long firstAt;
  private long largest;

  /** Looks at the next event; by how much the wall clock jumped before it, or 0. */
  long see(EncodedEnvelope envelope) {
    long jump = before.map(b -> jump(b, envelope)).orElse(0L);
    before = Optional.of(envelope);
    if (jump != 0) {
      jumps++;
      firstAt = firstAt == 0 ? envelope.sequence() : firstAt;
      largest = Math.abs(jump) > Math.abs(largest) ? jump : largest;
    }
    return jump;
  }

  private static long jump(EncodedEnvelope earlier, EncodedEnvelope later) {
    if (!earlier.sameBoot(later)) {
      return 0;
    }
    long wall = later.wallNanos() - earlier.wallNanos();
    long real = later.monotonicNanos() - earlier.monotonicNanos();
    return Math.abs(wall - real) > TOLERATED_NANOS ? wall - real : 0;
  }

  long jumps() {
    return jumps;
  }

  /** How the clock behaved, to go behind a statement about it; "" where nothing was odd. */
  String words() {
    return jumps == 0
        ? ""
        : "; it jumped "
            + (jumps == 1 ? "once" : jumps + " times")
            + ", first before event "
            + firstAt
            + ", by "
            + Phrases.duration(largest)
            + (jumps == 1 ? "" : " at most");
  }
}
