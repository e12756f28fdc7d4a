package dev.retainerd.runtime.recovery;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.eventlog.proto.RecoveryFinishedPayload;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.group.GroupService;
import dev.retainerd.runtime.sandbox.SandboxRecords;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.runtime.task.EndedTasks;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.ExitRecorder;
import dev.retainerd.runtime.task.StopService;
import dev.retainerd.runtime.task.TaskRecovery;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Recovery at the daemon's start. Reads are answered meanwhile from the state; requests that change
 * something wait at {@link #awaitFinished}.
 */
public final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int SIGKILL = 9;
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final String REASON = "the daemon ended before it was complete";

  /** What recovery works with. */
  public record Parts(
      Journal journal,
      Shims shims,
      TaskService tasks,
      ExecService execs,
      StopService stops,
      GroupService groups,
      TaskRecovery taskRecovery,
      ExitRecorder recorder,
      EndedTasks ended,
      SandboxService sandboxes,
      ContainerService containers,
      List<Runnable> more,
      Leftovers leftovers) {}

  private final Parts parts;
  private final Origin self;
  private final String execFolder;
  private final CountDownLatch finished = new CountDownLatch(1);
  private int finishedIntents;
  private int undoneIntents;

  /**
   * Makes it ready to run.
   *
   * @param execFolder the folder of FIFOs of our own: execs that write there have lost their caller
   */
  public Recovery(Parts parts, Origin self, String execFolder) {
    this.parts = parts;
    this.self = self;
    this.execFolder = execFolder;
  }

  /**
   * Waits until recovery is over.
   *
   * @throws Refusal UNAVAILABLE where it takes longer than a client would wait
   */
  public void awaitFinished() {
    try {
      if (finished.await(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw Refusal.unavailable(
        "the daemon is still recovering after its start; reads are answered, ask again for"
            + " changes");
  }

  /** Runs it once. */
  public void run(boolean rebooted) {
    long begun = System.nanoTime();
    Shims.Reattached shims = new Shims.Reattached(0, 0, 0);
    try {
      if (rebooted) {
        step("tasks of the boot before", parts.taskRecovery::rebooted);
        step("shims of the boot before", parts.shims::rebooted);
        step("sandboxes of the boot before", () -> parts.groups.rebooted(self));
        forEachSandbox(SandboxPhase.SANDBOX_PHASE_READY, e -> parts.sandboxes.rebooted(self, e));
        forEachSandbox(SandboxPhase.SANDBOX_PHASE_ENDED, e -> parts.sandboxes.rebooted(self, e));
      } else {
        parts.tasks.holdStreams();
        shims = parts.shims.reattachAll();
      }
      parts.recorder.open();
      parts.more.forEach(part -> step("a further part", part));
      containers();
      sandboxes();
      duplicates();
      endedTasks();
      openStops();
      orphanedExecs();
      int removed = parts.leftovers.remove(self);
      long millis = (System.nanoTime() - begun) / 1_000_000;
      parts.journal.commit(
          self,
          "",
          new Event.RecoveryFinished(
              RecoveryFinishedPayload.newBuilder()
                  .setShimsReattached(shims.reattached())
                  .setShimsReplaced(shims.replaced())
                  .setShimsUnreachable(shims.unreachable())
                  .setIntentsFinished(finishedIntents + parts.taskRecovery.finished())
                  .setIntentsUndone(undoneIntents + parts.taskRecovery.undone())
                  .setLeftoversRemoved(removed)
                  .setMillis(millis)
                  .build()));
      LOG.info("recovered in {} ms: {}", millis, shims);
    } catch (RuntimeException e) {
      LOG.error("recovery is not complete", e);
    } finally {
      parts.recorder.open();
      finished.countDown();
    }
    parts.shims.keepSpare();
    // Plugins may take their time; nobody waits for what they find.
    step(
        "the networks",
        () -> parts.sandboxes.collectNetworks().forEach(problem -> LOG.warn("{}", problem)));
  }

  /** A name that two pods have must stop neither the start nor the first of them. */
  private void duplicates() {
    for (SandboxEntry entry : parts.sandboxes.duplicates()) {
      String id = entry.getSandbox().getId();
      LOG.error("pod sandbox {} has the name of another one and is set aside", id);
      step(
          "pod sandbox " + id,
          () -> {
            parts.sandboxes.remove(self, id);
            parts.journal.commit(
                self,
                "",
                new Event.LeftoverRemoved(
                    LeftoverRemovedPayload.newBuilder()
                        .setKind("duplicate")
                        .setName("pod sandbox " + id)
                        .setDetail(
                            "it had the name of another one: "
                                + SandboxRecords.reservedName(entry.getSandbox()))
                        .build()));
            finishedIntents++;
          });
    }
  }

  private void containers() {
    List<ContainerEntry> all = parts.containers.list();
    for (ContainerEntry entry : all) {
      String id = entry.getContainer().getId();
      if (entry.getPhase() == ContainerPhase.CONTAINER_PHASE_CREATING) {
        step("container " + id, () -> parts.containers.undo(self, id, REASON));
        undoneIntents++;
      } else if (entry.getPhase() == ContainerPhase.CONTAINER_PHASE_REMOVING) {
        step("container " + id, () -> parts.containers.remove(self, id));
        finishedIntents++;
      } else if (ContainerService.hasOpenUpdate(entry)) {
        step("the limits of container " + id, () -> parts.containers.settleUpdate(self, id));
        finishedIntents++;
      }
    }
  }

  private void sandboxes() {
    unheardOf();
    forEachSandbox(
        SandboxPhase.SANDBOX_PHASE_CREATING,
        e -> {
          parts.sandboxes.undo(self, e, REASON);
          undoneIntents++;
        });
    forEachSandbox(
        SandboxPhase.SANDBOX_PHASE_STOPPING,
        e -> {
          parts.sandboxes.stop(self, e.getSandbox().getId());
          finishedIntents++;
        });
    forEachSandbox(
        SandboxPhase.SANDBOX_PHASE_REMOVING,
        e -> {
          parts.sandboxes.remove(self, e.getSandbox().getId());
          finishedIntents++;
        });
  }

  /** Pods that were being restored: their callers will never hear of them. */
  private void unheardOf() {
    for (SandboxEntry entry : parts.sandboxes.list()) {
      if (entry.getRestoring() && entry.getPhase() != SandboxPhase.SANDBOX_PHASE_CREATING) {
        String id = entry.getSandbox().getId();
        step(
            "the restore of pod sandbox " + id,
            () -> {
              parts.sandboxes.unrestore(self, id, REASON);
              undoneIntents++;
            });
      }
    }
  }

  private void forEachSandbox(
      SandboxPhase phase, java.util.function.Consumer<SandboxEntry> action) {
    for (SandboxEntry entry : parts.sandboxes.list()) {
      if (entry.getPhase() == phase) {
        step("pod sandbox " + entry.getSandbox().getId(), () -> action.accept(entry));
      }
    }
  }

  /**
   * Tasks of CRI containers go by themselves after their exit; an earlier daemon may not have got
   * that far. A shim that does not answer holds up nobody.
   */
  private void endedTasks() {
    for (Key<TaskEntry> key : tasks(t -> t.getPhase() == TaskPhase.TASK_PHASE_STOPPED)) {
      step("task " + key.id(), () -> parts.ended.ended(self, key.namespace(), key.id()));
    }
  }

  private void openStops() {
    for (Key<TaskEntry> key : tasks(TaskEntry::hasStop)) {
      Thread.ofVirtual()
          .name("stop-" + key.id())
          .start(
              () ->
                  step(
                      "the stop of " + key.id(),
                      () ->
                          parts
                              .journal
                              .state()
                              .get(key)
                              .ifPresent(
                                  task ->
                                      parts.stops.resume(
                                          self, key.namespace(), key.id(), task.getStop()))));
    }
  }

  /** Commands whose caller waited in the daemon before: nobody will ever read what they say. */
  private void orphanedExecs() {
    parts
        .journal
        .state()
        .forEach(
            Kind.EXEC,
            (Key<ExecEntry> key, ExecEntry exec) -> {
              if (exec.getStdio().getStdout().startsWith(execFolder + "/")) {
                Thread.ofVirtual()
                    .name("orphaned-exec")
                    .start(() -> step("exec " + key.id(), () -> endExec(key, exec)));
              }
            });
  }

  private void endExec(Key<ExecEntry> key, ExecEntry exec) {
    try {
      parts.tasks.kill(
          self, key.namespace(), exec.getContainerId(), exec.getExecId(), SIGKILL, false);
    } catch (Refusal ended) {
      LOG.debug("exec {}: {}", key.id(), ended.sentence());
    }
    try {
      parts.journal.await(
          key,
          e ->
              e == null
                  || e.getPhase() == dev.retainerd.store.proto.ExecPhase.EXEC_PHASE_STOPPED
                  || e.getPhase() == dev.retainerd.store.proto.ExecPhase.EXEC_PHASE_ADDED,
          PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    parts.execs.delete(self, key.namespace(), exec.getContainerId(), exec.getExecId());
  }

  private List<Key<TaskEntry>> tasks(java.util.function.Predicate<TaskEntry> which) {
    List<Key<TaskEntry>> found = new ArrayList<>();
    parts
        .journal
        .state()
        .forEach(
            Kind.TASK,
            (Key<TaskEntry> key, TaskEntry task) -> {
              if (which.test(task)) {
                found.add(key);
              }
            });
    return found;
  }

  /** One thing that cannot be mended must not keep the others from it. */
  private static void step(String what, Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) {
      LOG.error("{} could not be recovered: {}", what, e.getMessage(), e);
    }
  }
}
