package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.GarbageCollector;
import dev.retainerd.runtime.image.ImageRecords;
import dev.retainerd.runtime.image.ImageService;
import dev.retainerd.runtime.image.NodeImage;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;

/** Services of images, fitted together. */
record Images(
    ContentService content,
    SnapshotService snapshots,
    DiffService diffs,
    GarbageCollector garbage,
    ImageService service) {
  private static final Origin RECOVERY = new Origin(Actor.recovery(), "", 0);

  static Path snapshotsFolder(DaemonConfig config) {
    return config.root().resolve("snapshots").resolve(SnapshotService.SNAPSHOTTER);
  }

  static Images of(DaemonConfig config, Journal journal) throws IOException {
    ContentService content =
        new ContentService(journal, ContentStore.open(config.root().resolve("content")));
    SnapshotService snapshots =
        new SnapshotService(journal, OverlayFolders.open(snapshotsFolder(config)));
    DiffService diffs = new DiffService(content);
    GarbageCollector garbage = new GarbageCollector(journal, content, snapshots);
    RegistryHosts hosts = RegistryHosts.of(config.images().registryConfigDirs());
    ImageService service =
        new ImageService(
            journal,
            content,
            snapshots,
            diffs,
            new ImageRecords(journal),
            garbage,
            new RegistryClients(),
            new ImageService.Settings(
                hosts,
                config.images().maxConcurrentDownloads(),
                config.images().pullProgressTimeout(),
                new HashSet<>(config.images().pinned().values())));
    return new Images(content, snapshots, diffs, garbage, service);
  }

  ContainerImages forContainers() {
    return (origin, image) -> {
      NodeImage found = service.resolve(origin, image);
      return new ContainerImages.Resolved(
          found.id(), found.name(), found.chainId(), found.config().run());
    };
  }

  void recover() {
    snapshots.recover(RECOVERY);
    service.recover(RECOVERY);
  }
}
