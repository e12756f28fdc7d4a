package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.TaskCheckpointFailedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointingPayload;
import dev.retainerd.eventlog.proto.TaskResumedPayload;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.ProcessStatus;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Checkpoints of tasks: the intent, the shim's part, and what came of it. A task is not held
 * meanwhile, since the memory of a large one takes minutes to write: who pauses or deletes it then
 * is answered by the OCI runtime. Thread-safe.
 */
public final class Checkpointing {
  private static final Set<TaskPhase> ALIVE =
      Set.of(TaskPhase.TASK_PHASE_RUNNING, TaskPhase.TASK_PHASE_PAUSED);

  private final TaskService tasks;

  public Checkpointing(TaskService tasks) {
    this.tasks = tasks;
  }

  /**
   * What is to be written.
   *
   * @param path where the client wants it; "" for content
   * @param exits whether its processes end with it
   */
  public record Plan(String path, boolean exits) {}

  /**
   * Records the intent, does the work, and records what came of it.
   *
   * @param work has {@link #dump} called, keeps what was written, and answers the digest of what it
   *     kept as content, or ""
   * @throws Refusal FAILED_PRECONDITION where the task is neither running nor paused; what the work
   *     throws
   */
  public void run(
      Origin origin, String namespace, String containerId, Plan plan, Supplier<String> work) {
    begin(origin, namespace, containerId, plan);
    try {
      String digest = work.get();
      finish(
          origin,
          namespace,
          containerId,
          new Event.TaskCheckpointed(
              TaskCheckpointedPayload.newBuilder()
                  .setContainerId(containerId)
                  .setPath(plan.path())
                  .setDigest(digest)
                  .build()));
    } catch (RuntimeException e) {
      if (!TaskService.isUnanswered(e)) {
        finish(
            origin,
            namespace,
            containerId,
            new Event.TaskCheckpointFailed(
                TaskCheckpointFailedPayload.newBuilder()
                    .setContainerId(containerId)
                    .setReason(TaskService.reason(e))
                    .build()));
      }
      throw e;
    }
  }

  /**
   * Has CRIU write the state of all processes into a folder.
   *
   * @param options a {@code containerd.runc.v1.CheckpointOptions}
   */
  public void dump(
      String namespace, String containerId, Path images, Opaque options, Duration patience) {
    tasks
        .shimOf(namespace, containerId)
        .checkpoint(namespace, containerId, images, options, patience);
  }

  /**
   * Has the processes of a task go on that {@link TaskService#pause} has halted for a checkpoint,
   * whatever is recorded of that: the daemon may have died before it was. One that is gone is fine.
   *
   * @throws Refusal where they may stand still yet: its shim does not answer, or cannot
   */
  public void goOn(Origin origin, String namespace, String containerId) {
    try (KeyLocks.Held held = tasks.hold(namespace, containerId)) {
      Optional<TaskEntry> task = tasks.find(namespace, containerId);
      if (task.isEmpty() || !ALIVE.contains(task.get().getPhase())) {
        return;
      }
      try {
        tasks.shimOf(namespace, containerId).resume(namespace, containerId);
      } catch (Refusal e) {
        // It was not paused, or has ended; only the shim knows.
        ProcessStatus.Phase seen = tasks.stateInShim(task.get(), namespace, containerId).phase();
        if (seen == ProcessStatus.Phase.PAUSED || seen == ProcessStatus.Phase.PAUSING) {
          throw e;
        }
      }
      boolean paused =
          tasks
              .find(namespace, containerId)
              .filter(now -> now.getPhase() == TaskPhase.TASK_PHASE_PAUSED)
              .isPresent();
      if (paused) {
        tasks
            .journal()
            .commit(
                origin,
                namespace,
                new Event.TaskResumed(
                    TaskResumedPayload.newBuilder().setContainerId(containerId).build()));
      }
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        throw e;
      }
    }
  }

  private void begin(Origin origin, String namespace, String containerId, Plan plan) {
    try (KeyLocks.Held held = tasks.hold(namespace, containerId)) {
      TaskPhase phase = tasks.get(namespace, containerId).getPhase();
      if (!ALIVE.contains(phase)) {
        throw Refusal.failedPrecondition(
            "cannot checkpoint task "
                + containerId
                + ": it is "
                + TaskService.readable(phase)
                + ", neither RUNNING nor PAUSED");
      }
      tasks
          .journal()
          .commit(
              origin,
              namespace,
              new Event.TaskCheckpointing(
                  TaskCheckpointingPayload.newBuilder()
                      .setContainerId(containerId)
                      .setPath(plan.path())
                      .setExits(plan.exits())
                      .build()));
    }
  }

  /** Nothing is told of a task that was deleted meanwhile, or of another in its place. */
  private void finish(Origin origin, String namespace, String containerId, Event outcome) {
    try (KeyLocks.Held held = tasks.hold(namespace, containerId)) {
      Optional<TaskPhase> phase = tasks.find(namespace, containerId).map(TaskEntry::getPhase);
      if (phase.isPresent()
          && (ALIVE.contains(phase.get()) || phase.get() == TaskPhase.TASK_PHASE_STOPPED)) {
        tasks.journal().commit(origin, namespace, outcome);
      }
    }
  }
}
