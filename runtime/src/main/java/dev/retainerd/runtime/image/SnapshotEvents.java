package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SnapshotPrepareFailedPayload;
import dev.retainerd.eventlog.proto.SnapshotPreparedPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.eventlog.proto.SnapshotRemovedPayload;
import dev.retainerd.eventlog.proto.SnapshotRemovingPayload;

/** Steps of a snapshot as events. Pure. */
final class SnapshotEvents {
  private SnapshotEvents() {}

  static Event prepared(SnapshotRecord record) {
    return new Event.SnapshotPrepared(
        SnapshotPreparedPayload.newBuilder()
            .setSnapshotter(record.getSnapshotter())
            .setKey(record.getKey())
            .build());
  }

  static Event prepareFailed(SnapshotRecord record, String reason) {
    return new Event.SnapshotPrepareFailed(
        SnapshotPrepareFailedPayload.newBuilder()
            .setSnapshotter(record.getSnapshotter())
            .setKey(record.getKey())
            .setReason(reason)
            .build());
  }

  static Event removing(SnapshotRecord record) {
    return new Event.SnapshotRemoving(
        SnapshotRemovingPayload.newBuilder()
            .setSnapshotter(record.getSnapshotter())
            .setKey(record.getKey())
            .build());
  }

  static Event removed(SnapshotRecord record) {
    return new Event.SnapshotRemoved(
        SnapshotRemovedPayload.newBuilder()
            .setSnapshotter(record.getSnapshotter())
            .setKey(record.getKey())
            .build());
  }
}
