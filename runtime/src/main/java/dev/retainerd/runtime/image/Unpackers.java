package dev.retainerd.runtime.image;

import java.util.HashMap;
import java.util.Map;

/** An unpacker for each snapshotter. Thread-safe. */
final class Unpackers {
  private final String usual;
  private final Map<String, Unpacker> byName = new HashMap<>();

  Unpackers(Snapshotters snapshotters, ContentService content, DiffService diffs) {
    this.usual = snapshotters.usual().snapshotter();
    for (SnapshotService snapshots : snapshotters.all()) {
      byName.put(snapshots.snapshotter(), new Unpacker(snapshots, content, diffs));
    }
  }

  /** That of a snapshotter which is there. */
  Unpacker of(String snapshotter) {
    return byName.get(snapshotter);
  }

  /** Whether there is such a snapshotter. */
  boolean has(String snapshotter) {
    return byName.containsKey(snapshotter);
  }

  /** The usual snapshotter. */
  String usual() {
    return usual;
  }
}
