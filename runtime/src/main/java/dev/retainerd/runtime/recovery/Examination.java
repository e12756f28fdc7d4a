package dev.retainerd.runtime.recovery;

import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.ProcessIdentity;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

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
  private final SandboxService sandboxes;

  public Examination(Journal journal, Leftovers leftovers, SandboxService sandboxes) {
    this.journal = journal;
    this.leftovers = leftovers;
    this.sandboxes = sandboxes;
  }

  /** Looks twice, and tells of what was there both times. */
  public List<Finding> examine() {
    List<Finding> first = look();
    first.addAll(networks(sandboxes.list()));
    if (first.isEmpty()) {
      return first;
    }
    try {
      Thread.sleep(BETWEEN_LOOKS_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the examination was cancelled");
    }
    List<Finding> second = look();
    // Plugins are asked again for those pods alone that they found fault with.
    second.addAll(
        networks(
            sandboxes.list().stream()
                .filter(pod -> first.stream().anyMatch(f -> f.name().equals(name(pod))))
                .toList()));
    return second.stream()
        .filter(
            now ->
                first.stream()
                    .anyMatch(f -> f.kind().equals(now.kind()) && f.name().equals(now.name())))
        .toList();
  }

  private static String name(SandboxEntry pod) {
    return pod.getSandbox().getId();
  }

  /** What CNI's CHECK finds; all are asked at once, and so many run as the daemon lets run. */
  private List<Finding> networks(List<SandboxEntry> pods) {
    Map<String, Finding> found = new ConcurrentSkipListMap<>();
    try (ExecutorService asking = Executors.newVirtualThreadPerTaskExecutor()) {
      for (SandboxEntry pod : pods) {
        asking.submit(
            () ->
                sandboxes
                    .networkProblem(pod)
                    .ifPresent(what -> found.put(name(pod), network(pod, what))));
      }
    }
    return List.copyOf(found.values());
  }

  private static Finding network(SandboxEntry pod, String what) {
    return new Finding(
        "network",
        name(pod),
        "the network of this pod is not as it was made: " + what,
        Optional.of(
            new Past.LastEvent(
                pod.getProvenance().getChanged(), "the event that last changed the pod")),
        "run the pod again; its address is freed when it is stopped");
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
