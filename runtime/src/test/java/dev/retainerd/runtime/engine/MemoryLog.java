package dev.retainerd.runtime.engine;

import dev.retainerd.eventlog.Appended;
import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A log that keeps nothing but its length, for tests of what stands above the journal. Durability
 * and reading back are the real log's business, and are tested there.
 */
public final class MemoryLog implements EventLog {
  private static final byte[] NO_HASH = new byte[Envelope.HASH_BYTES];

  private volatile long last;
  private volatile int forces;

  /** A journal over a log of this kind, with a state that is all in memory. */
  public static Journal journal() {
    return new Journal(new MemoryLog(), NodeState.inMemory(), (sequence, deltas) -> {});
  }

  @Override
  public Stamp stamp() {
    var now = java.time.Instant.now();
    return new Stamp(
        "boot", now.getEpochSecond() * 1_000_000_000L + now.getNano(), System.nanoTime());
  }

  @Override
  public Appended append(List<EnvelopeDraft> drafts, Stamp stamp) {
    List<Envelope> envelopes = new ArrayList<>();
    for (EnvelopeDraft draft : drafts) {
      envelopes.add(
          new Envelope(
              ++last,
              stamp.bootId(),
              stamp.wallNanos(),
              stamp.monotonicNanos(),
              draft.namespace(),
              draft.subject(),
              draft.actor(),
              draft.requestId(),
              draft.causedBySequence(),
              draft.type(),
              draft.schemaVersion(),
              draft.payload(),
              NO_HASH,
              NO_HASH));
    }
    return new Appended(envelopes);
  }

  @Override
  public void force() {
    forces++;
  }

  /** How often somebody waited for it. */
  public int forces() {
    return forces;
  }

  @Override
  public long firstSequence() {
    return Math.min(last, 1);
  }

  @Override
  public long lastSequence() {
    return last;
  }

  @Override
  public long durableSequence() {
    return last;
  }

  @Override
  public byte[] headHash() {
    return NO_HASH.clone();
  }

  @Override
  public LogReader reader(long fromSequence) {
    throw new UnsupportedOperationException("this log keeps no events");
  }

  @Override
  public LogStatus status() {
    return new LogStatus(
        Path.of("/nowhere"),
        "memory",
        Durability.PROCESS_CRASH,
        1,
        0,
        lastSequence(),
        durableSequence(),
        true,
        0,
        false,
        List.of());
  }

  @Override
  public void close() {}
}
