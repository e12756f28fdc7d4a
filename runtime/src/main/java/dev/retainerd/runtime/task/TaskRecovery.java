package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ExecExitedPayload;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.TaskDeletedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.ProcessStatus;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes intents of tasks that an earlier daemon, or a shim that died, left open: each is finished
 * where the shim did it, and undone where it did not. Thread-safe.
 */
public final class TaskRecovery {
  private static final Logger LOG = LoggerFactory.getLogger(TaskRecovery.class);
  private static final int UNKNOWN_STATUS = 255;
  private static final String UNDONE = "its daemon or shim ended in the middle of it";

  private final TaskService tasks;
  private final Journal journal;
  private final Origin self;
  private final AtomicInteger finished = new AtomicInteger();
  private final AtomicInteger undone = new AtomicInteger();

  public TaskRecovery(TaskService tasks, Origin self) {
    this.tasks = tasks;
    this.journal = tasks.journal();
    this.self = self;
  }

  /** Intents finished since the start. */
  public int finished() {
    return finished.get();
  }

  /** Intents undone since the start. */
  public int undone() {
    return undone.get();
  }

  /** Closes the open intents of every task of that shim, which answers again. */
  public void settle(String shimId) {
    for (Key<TaskEntry> key : keys(task -> task.getShimId().equals(shimId) && isOpen(task))) {
      try (KeyLocks.Held held = tasks.hold(key.namespace(), key.id())) {
        journal.state().get(key).ifPresent(task -> settle(key, task));
      } catch (RuntimeException e) {
        LOG.error("task {} is not settled: {}", key, e.getMessage(), e);
      }
    }
  }

  private static boolean isOpen(TaskEntry task) {
    return task.getPhase() == TaskPhase.TASK_PHASE_CREATING
        || task.getPhase() == TaskPhase.TASK_PHASE_STARTING;
  }

  private void settle(Key<TaskEntry> key, TaskEntry task) {
    switch (task.getPhase()) {
      case TASK_PHASE_CREATING -> settleCreate(key, task);
      case TASK_PHASE_STARTING -> settleStart(key, task);
      case TASK_PHASE_CREATED,
          TASK_PHASE_RUNNING,
          TASK_PHASE_PAUSED,
          TASK_PHASE_STOPPED,
          TASK_PHASE_UNSPECIFIED,
          UNRECOGNIZED -> {}
    }
  }

  private void settleCreate(Key<TaskEntry> key, TaskEntry task) {
    Optional<ProcessStatus> seen = inShim(key, task);
    if (seen.isPresent() && seen.get().pid() > 0) {
      // One call may do both, and its answer be lost. A restored one has no pid before its start.
      boolean started = seen.get().phase() != ProcessStatus.Phase.CREATED;
      tasks.recordCreated(self, key.namespace(), key.id(), seen.get().pid(), started);
      finished.incrementAndGet();
    } else {
      tasks.undoCreate(self, key.namespace(), key.id(), UNDONE, true);
      undone.incrementAndGet();
    }
  }

  private void settleStart(Key<TaskEntry> key, TaskEntry task) {
    Optional<ProcessStatus> seen = inShim(key, task);
    switch (seen.map(ProcessStatus::phase).orElse(ProcessStatus.Phase.UNKNOWN)) {
      case RUNNING, STOPPED, PAUSED, PAUSING -> {
        // A restored task got its process only with the start.
        int created = task.getInit().getPid();
        int pid = created > 0 ? created : seen.map(ProcessStatus::pid).orElse(0);
        tasks.recordStarted(self, key.namespace(), key.id(), pid);
        finished.incrementAndGet();
      }
      case CREATED, UNKNOWN -> {
        tasks.recordStartFailed(self, key.namespace(), key.id(), UNDONE, true);
        undone.incrementAndGet();
      }
    }
  }

  private Optional<ProcessStatus> inShim(Key<TaskEntry> key, TaskEntry task) {
    try {
      return Optional.of(tasks.stateInShim(task, key.namespace(), key.id()));
    } catch (Refusal e) {
      if (e.is(Refusal.Code.NOT_FOUND)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * After a reboot no process is left: every task that lived has ended with an unknown status,
   * never 0.
   */
  public void rebooted() {
    for (Key<TaskEntry> key : keys(task -> true)) {
      journal
          .state()
          .get(key)
          .ifPresent(
              task -> {
                List<Event> events = new ArrayList<>();
                execs(key, events);
                ended(key, task, events);
                if (!events.isEmpty()) {
                  journal.commit(self, key.namespace(), events);
                }
              });
    }
  }

  private void execs(Key<TaskEntry> key, List<Event> events) {
    journal
        .state()
        .forEach(
            Kind.EXEC,
            key.namespace(),
            key.id() + "/",
            (id, exec) -> {
              if (lives(exec)) {
                events.add(
                    new Event.ExecExited(
                        ExecExitedPayload.newBuilder()
                            .setContainerId(exec.getContainerId())
                            .setExecId(exec.getExecId())
                            .setPid(exec.getProcess().getPid())
                            .setStatus(UNKNOWN_STATUS)
                            .setExitedAtNanos(TaskService.nowNanos())
                            .setSource(ExitSource.EXIT_SOURCE_UNKNOWN)
                            .setReason("NodeReboot")
                            .build()));
              }
            });
  }

  private static boolean lives(ExecEntry exec) {
    return exec.getPhase() == ExecPhase.EXEC_PHASE_RUNNING
        || exec.getPhase() == ExecPhase.EXEC_PHASE_STARTING;
  }

  private void ended(Key<TaskEntry> key, TaskEntry task, List<Event> events) {
    if (task.getPhase() == TaskPhase.TASK_PHASE_CREATING) {
      events.add(
          new Event.TaskCreateFailed(
              dev.retainerd.eventlog.proto.TaskCreateFailedPayload.newBuilder()
                  .setContainerId(key.id())
                  .setReason("NodeReboot")
                  .setUndone(true)
                  .build()));
      return;
    }
    int status = task.getExit().getStatus();
    long at = task.getExit().getExitedAtNanos();
    if (task.getPhase() != TaskPhase.TASK_PHASE_STOPPED) {
      status = UNKNOWN_STATUS;
      at = TaskService.nowNanos();
      events.add(
          new Event.TaskExited(
              TaskExitedPayload.newBuilder()
                  .setContainerId(key.id())
                  .setPid(task.getInit().getPid())
                  .setStatus(status)
                  .setExitedAtNanos(at)
                  .setSource(ExitSource.EXIT_SOURCE_UNKNOWN)
                  .setReason("NodeReboot")
                  .build()));
    }
    // The runtime's state and the mounts went with the boot: there is nothing left to delete.
    events.add(
        new Event.TaskDeleted(
            TaskDeletedPayload.newBuilder()
                .setContainerId(key.id())
                .setPid(task.getInit().getPid())
                .setStatus(status)
                .setExitedAtNanos(at)
                .build()));
  }

  private List<Key<TaskEntry>> keys(java.util.function.Predicate<TaskEntry> which) {
    List<Key<TaskEntry>> found = new ArrayList<>();
    journal
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
}
