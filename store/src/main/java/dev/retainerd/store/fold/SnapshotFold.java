package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.SnapshotCommittedPayload;
import dev.retainerd.eventlog.proto.SnapshotKind;
import dev.retainerd.eventlog.proto.SnapshotPreparingPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.eventlog.proto.SnapshotUpdatedPayload;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.SnapshotPhase;
import dev.retainerd.store.state.Kind;
import java.util.Optional;

/** Events about snapshots. */
final class SnapshotFold {

  private SnapshotFold() {}

  /** A snapshotter's name has no slash, so that the first one splits; keys may have more. */
  static String id(String snapshotter, String key) {
    return snapshotter + "/" + key;
  }

  static void preparing(Folding f, SnapshotPreparingPayload p) {
    SnapshotRecord snapshot = p.getSnapshot();
    String id = id(snapshot.getSnapshotter(), snapshot.getKey());
    Optional<SnapshotPhase> phase = f.find(Kind.SNAPSHOT, id).map(SnapshotEntry::getPhase);
    SnapshotPhase next = Lifecycles.SNAPSHOT.next(id, phase, f.type()).orElseThrow();
    f.put(
        Kind.SNAPSHOT,
        id,
        SnapshotEntry.newBuilder()
            .setProvenance(f.born())
            .setSnapshot(snapshot)
            .setPhase(next)
            .build());
  }

  /** Events that only move it along its lifecycle, or end it. */
  static void moved(Folding f, String id) {
    SnapshotEntry before = f.existing(Kind.SNAPSHOT, id);
    Optional<SnapshotPhase> next =
        Lifecycles.SNAPSHOT.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.SNAPSHOT, id);
      return;
    }
    f.put(
        Kind.SNAPSHOT,
        id,
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }

  /** The active snapshot goes, and a committed one of another name stands on its folder. */
  static void committed(Folding f, SnapshotCommittedPayload p) {
    String id = id(p.getSnapshotter(), p.getKey());
    SnapshotEntry before = f.existing(Kind.SNAPSHOT, id);
    Lifecycles.SNAPSHOT.next(id, Optional.of(before.getPhase()), f.type());
    String name = id(p.getSnapshotter(), p.getName());
    f.mustBeAbsent(Kind.SNAPSHOT, name);
    f.remove(Kind.SNAPSHOT, id);
    f.put(
        Kind.SNAPSHOT,
        name,
        SnapshotEntry.newBuilder()
            .setProvenance(f.born())
            .setPhase(SnapshotPhase.SNAPSHOT_PHASE_READY)
            .setSnapshot(
                before.getSnapshot().toBuilder()
                    .setKey(p.getName())
                    .setKind(SnapshotKind.SNAPSHOT_KIND_COMMITTED)
                    .clearLabels()
                    .putAllLabels(p.getLabelsMap())
                    .setUsageBytes(p.getUsageBytes())
                    .setUsageInodes(p.getUsageInodes())
                    .setCreatedAtNanos(f.at().wallNanos())
                    .setUpdatedAtNanos(f.at().wallNanos()))
            .build());
  }

  static void updated(Folding f, SnapshotUpdatedPayload p) {
    String id = id(p.getSnapshotter(), p.getKey());
    SnapshotEntry before = f.existing(Kind.SNAPSHOT, id);
    Lifecycles.SNAPSHOT.next(id, Optional.of(before.getPhase()), f.type());
    f.put(
        Kind.SNAPSHOT,
        id,
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .setSnapshot(
                before.getSnapshot().toBuilder()
                    .clearLabels()
                    .putAllLabels(p.getLabelsMap())
                    .setUpdatedAtNanos(f.at().wallNanos()))
            .build());
  }
}
