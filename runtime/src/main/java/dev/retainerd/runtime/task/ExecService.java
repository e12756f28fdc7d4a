package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ExecAddedPayload;
import dev.retainerd.eventlog.proto.ExecDeletedPayload;
import dev.retainerd.eventlog.proto.ExecStartFailedPayload;
import dev.retainerd.eventlog.proto.ExecStartedPayload;
import dev.retainerd.eventlog.proto.ExecStartingPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.ExecRequest;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.util.List;

/**
 * Execs: further processes in running containers. Thread-safe; semantics are those of containerd's
 * task service.
 */
public final class ExecService {
  private final TaskService tasks;
  private final Journal journal;

  public ExecService(TaskService tasks) {
    this.tasks = tasks;
    this.journal = tasks.journal();
  }

  /** Adds a process to a running container; {@link #start} runs it. */
  public void add(
      Origin origin,
      String namespace,
      String containerId,
      String execId,
      StdioPaths stdio,
      Opaque process) {
    requireAddable(namespace, containerId, execId);
    tasks.expectProcess();
    journal.commit(origin, namespace, added(containerId, execId, stdio, process));
    try {
      tasks
          .shimOf(namespace, containerId)
          .exec(new ExecRequest(namespace, containerId, execId, stdio, process));
    } catch (RuntimeException e) {
      journal.commit(origin, namespace, deleted(containerId, execId));
      throw TaskService.asRefusal(e, "exec " + execId + " could not be added");
    }
  }

  /**
   * Runs it.
   *
   * @return its pid
   */
  public int start(Origin origin, String namespace, String containerId, String execId) {
    TaskEntry task = tasks.get(namespace, containerId);
    ExecEntry exec = get(namespace, containerId, execId);
    if (exec.getPhase() != ExecPhase.EXEC_PHASE_ADDED) {
      throw Refusal.failedPrecondition(
          "cannot start exec " + execId + " in task " + containerId + ": it was started before");
    }
    tasks.expectProcess();
    // An exit may arrive before the start is recorded: this lock makes it wait its turn.
    try (KeyLocks.Held held = tasks.hold(namespace, lockName(containerId, execId))) {
      journal.commit(origin, namespace, starting(containerId, execId));
      tasks.expectProcess();
      int pid = tasks.shimOf(namespace, containerId).start(namespace, containerId, execId);
      tasks.holdStreams(namespace, containerId);
      journal.commit(origin, namespace, started(containerId, execId, pid));
      return pid;
    } catch (RuntimeException e) {
      throw failedToStart(origin, namespace, containerId, execId, e);
    }
  }

  /**
   * Adds a process and runs it, for a caller that waits for its end before it answers: both intents
   * become durable with one force of the log, and the start with that of the end at the latest.
   */
  public void run(
      Origin origin,
      String namespace,
      String containerId,
      String execId,
      StdioPaths stdio,
      Opaque process) {
    requireAddable(namespace, containerId, execId);
    try (KeyLocks.Held held = tasks.hold(namespace, lockName(containerId, execId))) {
      journal.commit(
          origin,
          namespace,
          added(containerId, execId, stdio, process),
          starting(containerId, execId));
      tasks.expectProcess();
      int pid =
          tasks
              .shimOf(namespace, containerId)
              .runExec(new ExecRequest(namespace, containerId, execId, stdio, process));
      journal.propose(origin, namespace, List.of(started(containerId, execId, pid)));
    } catch (RuntimeException e) {
      throw failedToStart(origin, namespace, containerId, execId, e);
    }
  }

  private Refusal failedToStart(
      Origin origin, String namespace, String containerId, String execId, RuntimeException e) {
    if (find(namespace, containerId, execId) instanceof ExecEntry now
        && now.getPhase() == ExecPhase.EXEC_PHASE_STARTING) {
      journal.commit(
          origin,
          namespace,
          new Event.ExecStartFailed(
              ExecStartFailedPayload.newBuilder()
                  .setContainerId(containerId)
                  .setExecId(execId)
                  .setReason(TaskService.reason(e))
                  .build()));
    }
    return TaskService.asRefusal(e, "exec " + execId + " could not be started");
  }

  private void requireAddable(String namespace, String containerId, String execId) {
    TaskEntry task = tasks.get(namespace, containerId);
    if (task.getPhase() != TaskPhase.TASK_PHASE_RUNNING) {
      throw Refusal.failedPrecondition(
          "cannot exec in task "
              + containerId
              + ": it is "
              + TaskService.readable(task.getPhase())
              + ", not RUNNING");
    }
    if (find(namespace, containerId, execId) != null) {
      throw Refusal.alreadyExists("exec " + execId + ": already exists");
    }
  }

  /**
   * Removes an exec that has ended or was never started.
   *
   * @return how it ended
   */
  public Exit delete(Origin origin, String namespace, String containerId, String execId) {
    TaskEntry task = tasks.get(namespace, containerId);
    ExecEntry exec = get(namespace, containerId, execId);
    if (exec.getPhase() == ExecPhase.EXEC_PHASE_RUNNING
        || exec.getPhase() == ExecPhase.EXEC_PHASE_STARTING) {
      throw Refusal.failedPrecondition(
          "process " + execId + " must be stopped before deletion: running: failed precondition");
    }
    try {
      tasks.shimOf(namespace, containerId).delete(namespace, containerId, execId);
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        throw e;
      }
    }
    // Its container may be deleted at the same time, and it with it.
    Key<ExecEntry> key = Kind.EXEC.key(namespace, containerId + "/" + execId);
    boolean removed =
        journal.commitIf(
            -1,
            state -> state.get(key).isPresent(),
            origin,
            namespace,
            List.of(deleted(containerId, execId)));
    if (!removed) {
      throw unknown(containerId, execId);
    }
    return exec.getExit();
  }

  static String lockName(String containerId, String execId) {
    return containerId + "/" + execId;
  }

  /** Null where there is none. */
  private ExecEntry find(String namespace, String containerId, String execId) {
    return journal.state().get(Kind.EXEC.key(namespace, containerId + "/" + execId)).orElse(null);
  }

  /** The exec's entry; NOT_FOUND where there is none. */
  public ExecEntry get(String namespace, String containerId, String execId) {
    ExecEntry exec = find(namespace, containerId, execId);
    if (exec == null) {
      throw unknown(containerId, execId);
    }
    return exec;
  }

  private static Refusal unknown(String containerId, String execId) {
    return Refusal.notFound("exec " + execId + " in task " + containerId + " not found: not found");
  }

  private static Event added(String containerId, String execId, StdioPaths stdio, Opaque process) {
    return new Event.ExecAdded(
        ExecAddedPayload.newBuilder()
            .setContainerId(containerId)
            .setExecId(execId)
            .setStdio(stdio)
            .setProcess(process)
            .build());
  }

  private static Event starting(String containerId, String execId) {
    return new Event.ExecStarting(
        ExecStartingPayload.newBuilder().setContainerId(containerId).setExecId(execId).build());
  }

  private static Event started(String containerId, String execId, int pid) {
    return new Event.ExecStarted(
        ExecStartedPayload.newBuilder()
            .setContainerId(containerId)
            .setExecId(execId)
            .setProcess(TaskService.identity(pid))
            .build());
  }

  private static Event deleted(String containerId, String execId) {
    return new Event.ExecDeleted(
        ExecDeletedPayload.newBuilder().setContainerId(containerId).setExecId(execId).build());
  }
}
