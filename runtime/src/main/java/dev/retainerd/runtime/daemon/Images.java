package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.GarbageCollector;
import dev.retainerd.runtime.image.GarbageSchedule;
import dev.retainerd.runtime.image.ImageRecords;
import dev.retainerd.runtime.image.ImageService;
import dev.retainerd.runtime.image.NodeImage;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.image.Snapshotters;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.snapshot.NativeFolders;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Services of images, fitted together. */
record Images(
    ContentService content,
    Snapshotters snapshotters,
    DiffService diffs,
    GarbageCollector garbage,
    GarbageSchedule schedule,
    ImageService service) {
  private static final Logger LOG = LoggerFactory.getLogger(Images.class);
  private static final Origin RECOVERY = new Origin(Actor.recovery(), "", 0);

  /** Has a folder for each snapshotter. */
  static Path snapshotsFolder(DaemonConfig config) {
    return config.root().resolve("snapshots");
  }

  private static Snapshotters snapshotters(DaemonConfig config, Journal journal)
      throws IOException {
    Path folder = snapshotsFolder(config);
    SnapshotService overlay =
        new SnapshotService(journal, OverlayFolders.open(folder.resolve(OverlayFolders.NAME)));
    SnapshotService whole =
        new SnapshotService(journal, NativeFolders.open(folder.resolve(NativeFolders.NAME)));
    Optional<String> missing = OverlayFolders.missingOn(folder);
    missing.ifPresent(why -> LOG.warn("images are unpacked as whole copies: {}", why));
    boolean copies =
        missing.isPresent() || config.images().snapshotter().equals(NativeFolders.NAME);
    String usual = copies ? NativeFolders.NAME : OverlayFolders.NAME;
    Map<String, String> ofHandlers = new HashMap<>();
    config
        .runtimes()
        .forEach(
            (name, handler) ->
                ofHandlers.put(
                    name, missing.isPresent() ? usual : handler.snapshotter().orElse(usual)));
    return new Snapshotters(
        copies ? List.of(whole, overlay) : List.of(overlay, whole),
        ofHandlers,
        config.defaultRuntimeName());
  }

  static Images of(DaemonConfig config, Journal journal) throws IOException {
    ContentService content =
        new ContentService(journal, ContentStore.open(config.root().resolve("content")));
    Snapshotters snapshotters = snapshotters(config, journal);
    DiffService diffs = new DiffService(content);
    GarbageCollector garbage =
        new GarbageCollector(journal, content, snapshotters.all().toArray(SnapshotService[]::new));
    GarbageSchedule schedule =
        new GarbageSchedule(journal, garbage, Services.SELF, GarbageSchedule.Settings.USUAL);
    RegistryHosts hosts = RegistryHosts.of(config.images().registryConfigDirs());
    ImageService service =
        new ImageService(
            journal,
            content,
            snapshotters,
            diffs,
            new ImageRecords(journal),
            garbage,
            new RegistryClients(),
            new ImageService.Settings(
                hosts,
                config.images().maxConcurrentDownloads(),
                config.images().pullProgressTimeout(),
                new HashSet<>(config.images().pinned().values())));
    journal.addListener((envelope, event) -> adoptNamed(service, envelope.namespace(), event));
    return new Images(content, snapshotters, diffs, garbage, schedule, service);
  }

  /** Not on the listener's thread, which is the journal's own. */
  private static void adoptNamed(ImageService service, String namespace, Event event) {
    if (namespace.equals(ImageService.CRI_NAMESPACE) && event instanceof Event.ImageCreated named) {
      String name = named.payload().getImage().getName();
      Thread.ofVirtual()
          .name("adopt-image")
          .start(
              () -> {
                try {
                  service.adopt(RECOVERY, name);
                } catch (RuntimeException e) {
                  // It serves as it is; the mark is for other clients of the namespace.
                  LOG.debug("image {} is not marked as CRI's: {}", name, e.getMessage());
                }
              });
    }
  }

  ContainerImages forContainers() {
    return (origin, image, handler) -> {
      NodeImage found = service.resolve(origin, image.getImage(), handler);
      List<String> wishes = List.of(image.getUserSpecifiedImage(), image.getImage());
      return new ContainerImages.Resolved(
          found.id(),
          found.nameFor(wishes),
          found.digestFor(wishes),
          found.chainId(),
          found.config().run(),
          found.checkpoint());
    };
  }

  void recover() {
    snapshotters.all().forEach(snapshots -> snapshots.recover(RECOVERY));
    service.recover(RECOVERY);
    schedule.begin();
  }
}
