package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SnapshotKind;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Purpose;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.SnapshotPhase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The layers of an image on their way to becoming committed snapshots: intended together, unpacked
 * in any order, committed together. That is two waits for the disk for all of them; before the
 * second nobody sees one, and recovery takes them back. Thread-safe.
 */
final class LayerSnapshots {
  private final SnapshotService snapshots;

  LayerSnapshots(SnapshotService snapshots) {
    this.snapshots = snapshots;
  }

  /**
   * A layer.
   *
   * @param key of the snapshot that it is unpacked to; new with each try
   * @param name what that is to become
   * @param parent the name of the layer below it, which may be under way too; "" for none
   */
  record Layer(String key, String name, String parent) {}

  /**
   * Records that they will be made. From here on each is committed or removed.
   *
   * @throws Refusal already exists
   */
  void intend(Scope scope, List<Layer> layers) {
    if (layers.isEmpty()) {
      return;
    }
    List<Event> intents = new ArrayList<>();
    for (Layer layer : layers) {
      SnapshotRecord record =
          snapshots.record(
              layer.key(), layer.parent(), Map.of(), SnapshotKind.SNAPSHOT_KIND_ACTIVE);
      intents.addAll(snapshots.intent(scope, record));
    }
    snapshots.commits(scope).accept(intents);
    Failpoint.SNAPSHOT_INTENT_RECORDED.hit();
  }

  /** Makes the folder of one that is intended, to be unpacked to. */
  Path folder(Scope scope, Layer layer) {
    SnapshotRecord record = underWay(scope, layer).getSnapshot();
    snapshots.makeFolder(scope, record, Purpose.LAYER);
    return snapshots.files(record);
  }

  /**
   * Commits layers, lowest first, all or none, once their files are on disk. Of a layer whose name
   * another one took meanwhile, the unpacked copy is removed.
   */
  void commit(Scope scope, List<Layer> layers) {
    if (layers.isEmpty()) {
      return;
    }
    List<Event> events = new ArrayList<>();
    List<String> late = new ArrayList<>();
    try (KeyLocks.Held held = snapshots.hold(scope.namespace(), "commit of layers")) {
      snapshots.sync(underWay(scope, layers.get(0)).getSnapshot());
      for (Layer layer : layers) {
        if (snapshots.exists(scope.namespace(), layer.name())) {
          late.add(layer.key());
          continue;
        }
        SnapshotEntry entry = underWay(scope, layer);
        if (entry.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_PREPARING) {
          events.add(SnapshotEvents.prepared(entry.getSnapshot()));
        }
        events.addAll(snapshots.committed(scope, entry.getSnapshot(), layer.name(), Map.of()));
      }
      if (!events.isEmpty()) {
        snapshots.commits(scope).accept(events);
      }
    }
    Failpoint.SNAPSHOT_COMMITTED_RECORDED.hit();
    late.forEach(key -> snapshots.removeIfThere(scope, key));
  }

  private SnapshotEntry underWay(Scope scope, Layer layer) {
    return snapshots
        .entry(scope.namespace(), layer.key())
        .orElseThrow(
            () -> Refusal.notFound("the layer " + layer.key() + " was removed while it was made"));
  }
}
