package dev.retainerd.runtime.recovery;

import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.ProcessIdentity;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The comparison of node and state that recovery makes, at any time and without changing anything;
 * and the other way round: what the state says is there, and is not.
 */
public final class Examination {
  private static final long BETWEEN_LOOKS_MILLIS = 700;

  /**
   * Something that is not as the state says.
   *
   * @param last the last event about it, if the log has one
   */
  public record Finding(
      String kind, String name, String sentence, Optional<Past.LastEvent> last, String mend) {}

  private final Journal journal;
  private final Leftovers leftovers;

  public Examination(Journal journal, Leftovers leftovers) {
    this.journal = journal;
    this.leftovers = leftovers;
  }

  /** Looks twice, and tells of what was there both times. */
  public List<Finding> examine() {
    List<Finding> first = look();
    if (first.isEmpty()) {
      return first;
    }
    try {
      Thread.sleep(BETWEEN_LOOKS_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the examination was cancelled");
    }
    return look().stream()
        .filter(
            now ->
                first.stream()
                    .anyMatch(f -> f.kind().equals(now.kind()) && f.name().equals(now.name())))
        .toList();
  }

  private List<Finding> look() {
    List<Finding> found = new ArrayList<>();
    for (Leftover.Told told : leftovers.find()) {
      found.add(
          new Finding(
              told.leftover().kind(),
              told.leftover().name(),
              "it is on the node, and no event owns it",
              told.last(),
              "restart the daemon: recovery ends it; where events are lost it does not, so end it"
                  + " by hand when nothing needs it"));
    }
    journal.state().forEach(Kind.TASK, (key, task) -> missing(key.namespace(), task, found));
    return found;
  }

  private void missing(String namespace, TaskEntry task, List<Finding> found) {
    if (task.getPhase() != TaskPhase.TASK_PHASE_RUNNING) {
      return;
    }
    String name = namespace + "/" + task.getContainerId();
    String fault = "";
    try {
      var init = task.getInit();
      if (!ProcessIdentity.isRunning(
          new ProcessIdentity(init.getBootId(), init.getPid(), init.getStartTimeTicks()))) {
        fault = "the state says it runs, but its process " + init.getPid() + " has ended";
      } else if (!task.getBundle().isEmpty() && !Files.isDirectory(Path.of(task.getBundle()))) {
        fault = "it runs, but its bundle " + task.getBundle() + " is gone";
      }
    } catch (IOException e) {
      fault = "its process cannot be looked at: " + e.getMessage();
    }
    if (!fault.isEmpty()) {
      found.add(
          new Finding(
              "task",
              name,
              fault,
              Optional.of(
                  new Past.LastEvent(
                      task.getProvenance().getChanged(), "the event that last changed it")),
              "see retainctl shims ls whether its shim answers; restart the daemon"));
    }
  }

  /** What is compared, in words. */
  public String compared() {
    return journal.state().count(Kind.SANDBOX)
        + " pods, "
        + journal.state().count(Kind.CONTAINER)
        + " containers, "
        + journal.state().count(Kind.TASK)
        + " tasks, "
        + journal.state().count(Kind.SHIM)
        + " shims";
  }
}
