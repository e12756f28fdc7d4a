package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.SnapshotCommittedPayload;
import dev.retainerd.eventlog.proto.SnapshotPrepareFailedPayload;
import dev.retainerd.eventlog.proto.SnapshotPreparedPayload;
import dev.retainerd.eventlog.proto.SnapshotPreparingPayload;
import dev.retainerd.eventlog.proto.SnapshotRemovedPayload;
import dev.retainerd.eventlog.proto.SnapshotRemovingPayload;
import dev.retainerd.eventlog.proto.SnapshotUpdatedPayload;

/** Sentences about snapshots. */
final class SnapshotWords {

  private SnapshotWords() {}

  static String preparing(SnapshotPreparingPayload p) {
    String parent = p.getSnapshot().getParent();
    return snapshot(p.getSnapshot().getKey())
        + " is being prepared"
        + (parent.isEmpty() ? "" : " on " + parent);
  }

  static String prepared(SnapshotPreparedPayload p) {
    return snapshot(p.getKey()) + " is ready";
  }

  static String prepareFailed(SnapshotPrepareFailedPayload p) {
    return snapshot(p.getKey()) + " could not be prepared" + Phrases.because(p.getReason());
  }

  static String committed(SnapshotCommittedPayload p) {
    return snapshot(p.getKey())
        + " was committed as "
        + p.getName()
        + ", "
        + Phrases.bytes(p.getUsageBytes());
  }

  static String updated(SnapshotUpdatedPayload p) {
    return "labels of " + snapshot(p.getKey()) + " were set";
  }

  static String removing(SnapshotRemovingPayload p) {
    return snapshot(p.getKey()) + " is being removed";
  }

  static String removed(SnapshotRemovedPayload p) {
    return snapshot(p.getKey()) + " was removed";
  }

  private static String snapshot(String key) {
    return "snapshot " + Phrases.shortId(key);
  }
}
