package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.MemoryLog;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.snapshot.NativeFolders;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The image services over a journal in memory and real folders; "restarted" on the same. */
final class NodeFixture implements AutoCloseable {
  static final Origin ORIGIN = new Origin(Actor.daemon(), "", 0);

  final Journal journal;
  final ContentStore store;
  final OverlayFolders folders;
  final ContentService content;
  final SnapshotService snapshots;

  /** The snapshotter of pods that run by "copies". */
  final SnapshotService whole;

  final DiffService diffs;
  final ImageRecords records;
  final GarbageCollector garbage;
  final ImageService images;
  final RegistryClients clients = new RegistryClients();

  NodeFixture(Path root) throws IOException {
    this(root, MemoryLog.journal(), RegistryHosts.of(List.of()));
  }

  NodeFixture(Path root, Journal over, RegistryHosts hosts) throws IOException {
    journal = over;
    store = ContentStore.open(root.resolve("content"));
    folders = OverlayFolders.open(root.resolve("snapshots/overlayfs"));
    content = new ContentService(journal, store);
    snapshots = new SnapshotService(journal, folders);
    whole = new SnapshotService(journal, NativeFolders.open(root.resolve("snapshots/native")));
    diffs = new DiffService(content);
    records = new ImageRecords(journal);
    garbage = new GarbageCollector(journal, content, snapshots, whole);
    images =
        new ImageService(
            journal,
            content,
            new Snapshotters(
                List.of(snapshots, whole), Map.of("runc", "overlayfs", "copies", "native"), "runc"),
            diffs,
            records,
            garbage,
            clients,
            new ImageService.Settings(hosts, 3, Duration.ofSeconds(10), Set.of()));
  }

  static Scope scope(String namespace) {
    return Scope.of(ORIGIN, namespace);
  }

  @Override
  public void close() {
    clients.close();
    journal.close();
  }
}
