package dev.retainerd.replay.history;

import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.RecordScanner;
import java.util.Optional;

/**
 * How a stretch of a history lies around a moment. A clock that is set back lives through it more
 * than once; then events of up to the moment follow on later ones.
 *
 * @param firstAfter the first event of a later time; {@link Long#MAX_VALUE} for none
 * @param lastUpTo the last event of that time or an earlier one; 0 for none
 * @param sound whether every event of the stretch could be read
 */
public record Around(long firstAfter, long lastUpTo, boolean sound) {
  /** Of no event. */
  public static final Around NOTHING = new Around(Long.MAX_VALUE, 0, true);

  /** Of both stretches. */
  public Around and(Around other) {
    return new Around(
        Math.min(firstAfter, other.firstAfter),
        Math.max(lastUpTo, other.lastUpTo),
        sound && other.sound);
  }

  /** The last event before the moment was over for the first time. */
  public long through() {
    return firstAfter == Long.MAX_VALUE ? lastUpTo : firstAfter - 1;
  }

  /** Whether the moment came again. */
  public boolean again() {
    return lastUpTo > firstAfter;
  }

  /**
   * Looks at the time of each event of a walk.
   *
   * @param through the last event of the stretch
   * @param nanos the moment
   */
  static Around of(EventSource.Walk walk, long through, long nanos) {
    Look look = new Look(nanos);
    boolean sound = true;
    for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
      if (e.get() instanceof LogEntry.Good good) {
        if (good.encoded().sequence() > through) {
          break;
        }
        look.see(good.encoded().sequence(), good.encoded().wallNanos());
      } else {
        sound = false;
      }
      walk.skim(through, look);
    }
    return new Around(look.firstAfter, look.lastUpTo, sound);
  }

  /** Compares times with one. Not thread-safe. */
  private static final class Look implements RecordScanner.Times {
    private final long nanos;
    private long firstAfter = Long.MAX_VALUE;
    private long lastUpTo;

    private Look(long nanos) {
      this.nanos = nanos;
    }

    @Override
    public void see(long sequence, long wallNanos) {
      if (wallNanos <= nanos) {
        lastUpTo = sequence;
      } else if (firstAfter == Long.MAX_VALUE) {
        firstAfter = sequence;
      }
    }
  }
}
