package dev.retainerd.replay.evidence;

import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.history.EventSource;
import java.util.Optional;

/**
 * Whether a stretch of a history holds: CRC, hash and chain of its events, and the signed
 * checkpoints that cover them.
 *
 * @param first the first event that was checked; 0 for none
 * @param lastGood the last one before anything that does not hold
 * @param bad what does not hold, as one sentence; "" where all does
 * @param signed what the checkpoints prove, as one line; empty where there are none
 */
public record StretchCheck(long first, long lastGood, String bad, Optional<String> signed) {

  /**
   * Checks these events, and as many around them as it takes to hold the checkpoints that cover
   * them.
   *
   * @param from first event wanted
   * @param through last event wanted; {@link Long#MAX_VALUE} for all there are
   */
  public static StretchCheck of(EventSource source, long from, long through) {
    CheckpointCheck witness = CheckpointCheck.of(source.witness(), false).only(from, through);
    long begin = Math.min(from, witness.first());
    long end = Math.max(through, witness.last());
    long first = 0;
    long last = 0;
    String bad = source.faults().isEmpty() ? "" : source.faults().getFirst();
    try (EventSource.Walk walk = source.walk(begin, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent() && bad.isEmpty(); e = walk.next()) {
        switch (e.get()) {
          case LogEntry.Good good -> {
            long sequence = good.encoded().sequence();
            if (sequence > end) {
              return new StretchCheck(first, last, witness.end(), witness.words());
            }
            witness.take(good.encoded());
            first = first == 0 ? sequence : first;
            last = sequence;
          }
          case LogEntry.ChainBroken broken -> bad = broken.detail();
          case LogEntry.HashWrong wrong ->
              bad = "the hash of event " + wrong.envelope().sequence() + " is wrong";
          case LogEntry.Lost lost -> bad = lost.detail();
        }
      }
    }
    return new StretchCheck(first, last, bad.isEmpty() ? witness.end() : bad, witness.words());
  }
}
