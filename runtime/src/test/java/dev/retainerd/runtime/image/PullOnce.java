package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.store.rocks.CatchUp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The image half of a daemon on real log and store: recovers, and as a program pulls one image. */
final class PullOnce implements AutoCloseable {
  final NodeFixture node;
  private final ChronicleEventLog log;
  private final CatchUp store;

  PullOnce(Path root) throws IOException {
    log = ChronicleEventLog.open(LogOptions.standard(root.resolve("log")));
    store = CatchUp.open(root.resolve("store"), log);
    node =
        new NodeFixture(
            root,
            new Journal(log, store.state(), store.store()::apply),
            RegistryHosts.of(List.of()));
    node.snapshots.recover(NodeFixture.ORIGIN);
    node.images.recover(NodeFixture.ORIGIN);
  }

  @Override
  public void close() {
    node.close();
    store.store().close();
    log.close();
  }

  /** Arguments: root folder, image. */
  public static void main(String[] args) throws IOException {
    try (PullOnce daemon = new PullOnce(Path.of(args[0]))) {
      daemon.node.images.pull(NodeFixture.ORIGIN, args[1], Credentials.ANONYMOUS, "");
    }
  }
}
