package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import java.io.IOException;

/** Services of images, fitted together. */
record Images(ContentService content, SnapshotService snapshots, DiffService diffs) {
  private static final Origin RECOVERY = new Origin(Actor.recovery(), "", 0);

  static Images of(DaemonConfig config, Journal journal) throws IOException {
    ContentService content =
        new ContentService(journal, ContentStore.open(config.root().resolve("content")));
    SnapshotService snapshots =
        new SnapshotService(
            journal, OverlayFolders.open(config.root().resolve("snapshots").resolve("overlayfs")));
    return new Images(content, snapshots, new DiffService(content));
  }

  ContainerImages forContainers() {
    return image -> {
      throw Refusal.notFound("image " + image + " is not here; pull it first");
    };
  }

  void recover() {
    snapshots.recover(RECOVERY);
  }
}
