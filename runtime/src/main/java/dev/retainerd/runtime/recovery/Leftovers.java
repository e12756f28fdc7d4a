package dev.retainerd.runtime.recovery;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.sandbox.PodNamespaces;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Bundles;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the node with the state, and ends what no event owns.
 *
 * @param execFolder output of commands whose callers are gone
 */
public record Leftovers(
    Journal journal, PodNamespaces namespaces, Bundles bundles, Path shimsFolder, Path execFolder) {
  private static final Logger LOG = LoggerFactory.getLogger(Leftovers.class);

  /**
   * Something on the node that the state does not know.
   *
   * @param kind netns, bundle, shim
   */
  public record Leftover(String kind, String name, Runnable removal) {}

  /** What there is, without touching it. */
  public List<Leftover> find() {
    List<Leftover> found = new ArrayList<>();
    for (String id : namespaces.pinned()) {
      if (journal.state().get(Kind.SANDBOX.key(SandboxService.NAMESPACE, id)).isEmpty()) {
        found.add(new Leftover("netns", id, () -> namespaces.release(id)));
      }
    }
    for (Path namespace : children(bundles.tasksFolder())) {
      for (Path bundle : children(namespace)) {
        String ns = namespace.getFileName().toString();
        String id = bundle.getFileName().toString();
        if (journal.state().get(Kind.TASK.key(ns, id)).isEmpty()) {
          found.add(new Leftover("bundle", ns + "/" + id, () -> bundles.remove(ns, id)));
        }
      }
    }
    for (Path shim : children(shimsFolder)) {
      if (journal.state().get(Kind.SHIM.key("", shim.getFileName().toString())).isEmpty()) {
        found.add(
            new Leftover("shim", shim.getFileName().toString(), () -> Folders.removeQuietly(shim)));
      }
    }
    return found;
  }

  /**
   * Ends what there is, each recorded as an event.
   *
   * @return how many
   */
  int remove(Origin self) {
    children(execFolder).forEach(Folders::removeQuietly);
    int removed = 0;
    for (Leftover leftover : find()) {
      try {
        leftover.removal().run();
        journal.commit(
            self,
            "",
            new Event.LeftoverRemoved(
                LeftoverRemovedPayload.newBuilder()
                    .setKind(leftover.kind())
                    .setName(leftover.name())
                    .setDetail("no event owns it")
                    .build()));
        removed++;
      } catch (RuntimeException e) {
        LOG.error("{} {} is left over: {}", leftover.kind(), leftover.name(), e.getMessage());
      }
    }
    return removed;
  }

  private static List<Path> children(Path folder) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
        entries.forEach(found::add);
      } catch (IOException e) {
        LOG.warn("{} cannot be listed: {}", folder, e.getMessage());
      }
    }
    return found;
  }
}
