package dev.retainerd.store.snapshot;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.proto.StateSnapshotTakenPayload;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which snapshots the events of a log name, and by which hash: through the chain of the log a
 * snapshot is as hard to forge as any event. Collects while somebody walks. Not thread-safe.
 */
public final class CoveredSnapshots {
  private final Map<Long, byte[]> hashes = new HashMap<>();

  /** Looks at an event of the log. */
  public void see(Envelope envelope) {
    if (envelope.type() != EventType.STATE_SNAPSHOT_TAKEN.number()) {
      return;
    }
    try {
      StateSnapshotTakenPayload taken = StateSnapshotTakenPayload.parseFrom(envelope.payload());
      hashes.put(taken.getSequence(), taken.getContentHash().toByteArray());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(
          "event " + envelope.sequence() + " does not decode as what its type says", e);
    }
  }

  /** The hash that the snapshot of that sequence must have; empty where no event named it. */
  public Optional<byte[]> hashOf(long sequence) {
    return Optional.ofNullable(hashes.get(sequence)).map(byte[]::clone);
  }
}
