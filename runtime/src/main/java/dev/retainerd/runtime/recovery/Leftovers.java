package dev.retainerd.runtime.recovery;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.sandbox.PodNamespaces;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Bundles;
import dev.retainerd.store.proto.Damage;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the node with the state, and ends what no event owns.
 *
 * @param execFolder output of commands whose callers are gone
 * @param more finders of further kinds
 */
public record Leftovers(
    Journal journal,
    PodNamespaces namespaces,
    Bundles bundles,
    Path shimsFolder,
    Path execFolder,
    List<Leftover.Finder> more) {
  private static final Logger LOG = LoggerFactory.getLogger(Leftovers.class);

  public Leftovers {
    more = List.copyOf(more);
  }

  /** What there is, without touching it, and what the log tells of it. */
  public List<Leftover.Told> find() {
    List<Leftover> found = new ArrayList<>(ownFolders());
    for (Leftover.Finder finder : more) {
      try {
        found.addAll(finder.find());
      } catch (RuntimeException e) {
        LOG.warn("a comparison of the node with the state failed: {}", e.getMessage());
      }
    }
    Set<String> ids = found.stream().map(Leftover::ofId).collect(Collectors.toSet());
    Map<String, Past.LastEvent> past = Past.of(journal.log(), ids);
    return found.stream()
        .filter(leftover -> leftover.ours() || past.containsKey(leftover.ofId()))
        .map(leftover -> leftover.told(Optional.ofNullable(past.get(leftover.ofId()))))
        .toList();
  }

  private List<Leftover> ownFolders() {
    List<Leftover> found = new ArrayList<>();
    for (String id : namespaces.pinned()) {
      if (journal.state().get(Kind.SANDBOX.key(SandboxService.NAMESPACE, id)).isEmpty()) {
        found.add(new Leftover("netns", id, id, true, () -> namespaces.release(id)));
      }
    }
    for (Path namespace : children(bundles.tasksFolder())) {
      for (Path bundle : children(namespace)) {
        String ns = namespace.getFileName().toString();
        String id = bundle.getFileName().toString();
        if (journal.state().get(Kind.TASK.key(ns, id)).isEmpty()) {
          found.add(new Leftover("bundle", ns + "/" + id, id, true, () -> bundles.remove(ns, id)));
        }
      }
    }
    for (Path namespace : children(bundles.imagesFolder())) {
      for (Path images : children(namespace)) {
        String ns = namespace.getFileName().toString();
        String id = images.getFileName().toString();
        if (journal.state().get(Kind.TASK.key(ns, id)).isEmpty()) {
          found.add(
              new Leftover("restore", ns + "/" + id, id, true, () -> bundles.removeImages(ns, id)));
        }
      }
    }
    for (Path shim : children(shimsFolder)) {
      String id = shim.getFileName().toString();
      if (journal.state().get(Kind.SHIM.key("", id)).isEmpty()) {
        found.add(new Leftover("shim", id, id, true, () -> Folders.removeQuietly(shim)));
      }
    }
    return found;
  }

  /**
   * Ends what there is, each recorded as an event. Where events are lost from the log, what no
   * event owns may be somebody's running container: then it is left for {@code retainctl doctor} to
   * show.
   *
   * @return how many
   */
  int remove(Origin self) {
    children(execFolder).forEach(Folders::removeQuietly);
    List<Leftover.Told> found = find();
    if (!found.isEmpty() && eventsAreLost()) {
      LOG.warn(
          "{} things on the node are owned by no event, but events are lost: they stay, see"
              + " retainctl doctor",
          found.size());
      return 0;
    }
    int removed = 0;
    for (Leftover.Told told : found) {
      Leftover leftover = told.leftover();
      try {
        leftover.removal().run();
        journal.commit(
            self,
            "",
            new Event.LeftoverRemoved(
                LeftoverRemovedPayload.newBuilder()
                    .setKind(leftover.kind())
                    .setName(leftover.name())
                    .setDetail(detail(told))
                    .build()));
        removed++;
      } catch (RuntimeException e) {
        LOG.error("{} {} is left over: {}", leftover.kind(), leftover.name(), e.getMessage());
      }
    }
    return removed;
  }

  private static String detail(Leftover.Told told) {
    return told.last()
        .map(last -> "no event owns it since event " + last.sequence() + ": " + last.sentence())
        .orElse("no event owns it");
  }

  private boolean eventsAreLost() {
    return journal.state().get(Kind.NODE.key("", "node")).stream()
        .flatMap(node -> node.getDamagesList().stream())
        .mapToLong(Damage::getFirstLostSequence)
        .anyMatch(first -> first > 0);
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
