package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.eventlog.proto.TaskDeletedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskPausedPayload;
import dev.retainerd.eventlog.proto.TaskResumedPayload;
import dev.retainerd.eventlog.proto.TaskSignalledPayload;
import dev.retainerd.eventlog.proto.TaskStartFailedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.eventlog.proto.TaskStartingPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.shims.ProcessStatus;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.shims.ShimCalls;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Tasks: the processes of containers. Each method records its intent, has the shim act, and records
 * what came of it; it returns when the outcome is durable. Thread-safe; operations on one task
 * follow each other.
 *
 * <p>Semantics are those of containerd's task service: a task's id is its container's, there is at
 * most one a container, and only a stopped one can be deleted.
 */
public final class TaskService {
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(120);
  private static final int SIGKILL = 9;
  private static final Duration KILL_PATIENCE = Duration.ofSeconds(10);

  /**
   * How to create a task.
   *
   * @param rootfs mounts that make its root file system
   * @param options the runtime's options; empty: the configured ones of the container's runtime
   * @param restore a restored task has no process, and no pid, until it is started
   */
  public record CreateOptions(
      List<RootMount> rootfs, StdioPaths stdio, Optional<Opaque> options, RestoreFrom restore) {}

  private final Journal journal;
  private final Shims shims;
  private final Bundles bundles;
  private final KeyLocks locks = new KeyLocks();
  private final ExitWatch exits = new ExitWatch();
  private final StreamHolder streams = new StreamHolder();
  private final TaskCreation creation;
  private final Runnable processExpected;

  /**
   * Makes it ready.
   *
   * @param processExpected is run, and must return at once, when a process is about to be made
   */
  public TaskService(
      Journal journal,
      Shims shims,
      Bundles bundles,
      MappedTrees trees,
      RuntimeOptions runtimes,
      Runnable processExpected) {
    this.journal = journal;
    this.processExpected = processExpected;
    this.shims = shims;
    this.bundles = bundles;
    this.creation = new TaskCreation(this, bundles, trees, runtimes, streams);
    journal.addListener(exits);
  }

  /** Keeps everything else off this task until closed. */
  KeyLocks.Held hold(String namespace, String containerId) {
    return locks.hold("task " + namespace + "/" + containerId, LOCK_PATIENCE);
  }

  /** While it is held nothing of that owner is placed in a shim, or moves to another one. */
  KeyLocks.Held holdPlace(String owner) {
    return locks.hold(placeOf(owner), LOCK_PATIENCE);
  }

  /** The same where nobody else holds it. */
  Optional<KeyLocks.Held> holdPlaceIfFree(String owner) {
    return locks.holdIfFree(placeOf(owner));
  }

  private static String placeOf(String owner) {
    return "the place of " + owner;
  }

  /** The task's entry. */
  public Optional<TaskEntry> find(String namespace, String containerId) {
    return journal.state().get(Kind.TASK.key(namespace, containerId));
  }

  /**
   * The task's entry.
   *
   * @throws Refusal NOT_FOUND where the container has none
   */
  public TaskEntry get(String namespace, String containerId) {
    return find(namespace, containerId)
        .orElseThrow(
            () ->
                Refusal.notFound(
                    "no running task found: task " + containerId + " not found: not found"));
  }

  /**
   * Creates the container's init, not yet running the user's process.
   *
   * @return its pid
   */
  public int create(Origin origin, String namespace, String containerId, CreateOptions options) {
    return creation.create(origin, namespace, containerId, options);
  }

  /** Records a create that the shim has done, and the start where it has done that as well. */
  void recordCreated(
      Origin origin, String namespace, String containerId, int pid, boolean started) {
    creation.recordCreated(origin, namespace, containerId, pid, Optional.empty(), started);
  }

  /**
   * Creates the container's init and starts the user's process: {@link #create} and {@link #start}
   * with one call of the shim and two waits for the disk less. Not for a container that is
   * restored.
   *
   * @return its pid
   */
  public int run(Origin origin, String namespace, String containerId, CreateOptions options) {
    return creation.run(origin, namespace, containerId, options);
  }

  private static Event starting(String containerId) {
    return new Event.TaskStarting(
        TaskStartingPayload.newBuilder().setContainerId(containerId).build());
  }

  /** Removes whatever a create left, and says that it failed. */
  void undoCreate(
      Origin origin, String namespace, String containerId, String reason, boolean undone) {
    creation.undo(origin, namespace, containerId, reason, undone);
  }

  /**
   * Starts the user's process.
   *
   * @return its pid
   */
  public int start(Origin origin, String namespace, String containerId) {
    try (KeyLocks.Held held = hold(namespace, containerId)) {
      TaskEntry task = get(namespace, containerId);
      if (task.getPhase() != TaskPhase.TASK_PHASE_CREATED) {
        throw Refusal.failedPrecondition(
            "cannot start task "
                + containerId
                + " in state "
                + readable(task.getPhase())
                + ": it must be created and not started");
      }
      // Before the intent: who waits for a shim must not hold what its settlement needs.
      ShimCalls shim = shimOf(namespace, containerId);
      journal.commit(origin, namespace, starting(containerId));
      return startIntended(origin, namespace, containerId, shim);
    }
  }

  private int startIntended(Origin origin, String namespace, String containerId, ShimCalls shim) {
    Failpoint.TASK_START_INTENT_RECORDED.hit();
    try {
      int pid = shim.start(namespace, containerId, "");
      Failpoint.TASK_STARTED_IN_SHIM.hit();
      recordStarted(origin, namespace, containerId, pid);
      creation.removeImages(namespace, containerId);
      Failpoint.TASK_STARTED_RECORDED.hit();
      return pid;
    } catch (RuntimeException e) {
      if (isUnanswered(e)) {
        throw e;
      }
      recordStartFailed(origin, namespace, containerId, reason(e), false);
      throw asRefusal(e, "task " + containerId + " could not be started");
    }
  }

  void recordStarted(Origin origin, String namespace, String containerId, int pid) {
    TaskStartedPayload.Builder started =
        TaskStartedPayload.newBuilder()
            .setContainerId(containerId)
            .setPid(pid)
            .setStartedAtNanos(nowNanos());
    if (get(namespace, containerId).getInit().getPid() == 0) {
      started.setInit(identity(pid));
    }
    journal.commit(origin, namespace, new Event.TaskStarted(started.build()));
  }

  void recordStartFailed(
      Origin origin, String namespace, String containerId, String reason, boolean undone) {
    journal.commit(
        origin,
        namespace,
        new Event.TaskStartFailed(
            TaskStartFailedPayload.newBuilder()
                .setContainerId(containerId)
                .setReason(reason)
                .build()));
  }

  /**
   * Sends a signal to init ({@code execId} "") or an exec; {@code all}: to every process of the
   * container.
   */
  public void kill(
      Origin origin, String namespace, String containerId, String execId, int signal, boolean all) {
    TaskEntry task = get(namespace, containerId);
    if (execId.isEmpty()) {
      if (task.getPhase() == TaskPhase.TASK_PHASE_STOPPED && !all) {
        throw Refusal.notFound("process already finished: not found");
      }
      if (awaitsRestore(task)) {
        throw Refusal.failedPrecondition(
            "task "
                + containerId
                + " has no process before it is restored; start it, or delete it as it is");
      }
    } else if (journal
        .state()
        .get(Kind.EXEC.key(namespace, containerId + "/" + execId))
        .isEmpty()) {
      throw Refusal.notFound(
          "exec " + execId + " in task " + containerId + " not found: not found");
    }
    journal.commit(
        origin,
        namespace,
        new Event.TaskSignalled(
            TaskSignalledPayload.newBuilder()
                .setContainerId(containerId)
                .setExecId(execId)
                .setSignal(signal)
                .setAll(all)
                .build()));
    shimOf(namespace, containerId).kill(namespace, containerId, execId, signal, all);
  }

  /**
   * Removes a stopped task: the runtime's state, its mounts, its bundle. One that was created and
   * never started is ended first.
   *
   * @return how it ended
   */
  public Exit delete(Origin origin, String namespace, String containerId) {
    TaskEntry seen = get(namespace, containerId);
    if (seen.getPhase() == TaskPhase.TASK_PHASE_CREATED && !awaitsRestore(seen)) {
      killAndAwait(origin, namespace, containerId);
    }
    try (KeyLocks.Held held = hold(namespace, containerId)) {
      TaskEntry task = get(namespace, containerId);
      boolean never = awaitsRestore(task);
      if (task.getPhase() != TaskPhase.TASK_PHASE_STOPPED && !never) {
        throw Refusal.failedPrecondition(
            "task must be stopped before deletion: "
                + readable(task.getPhase()).toLowerCase(java.util.Locale.ROOT)
                + ": failed precondition");
      }
      try {
        shimOf(namespace, containerId).delete(namespace, containerId, "");
      } catch (Refusal e) {
        // Gone in the shim already: a delete whose outcome was not recorded.
        if (!e.is(Refusal.Code.NOT_FOUND)) {
          throw e;
        }
      }
      Failpoint.TASK_DELETED_IN_SHIM.hit();
      creation.removeBundle(namespace, containerId);
      Exit exit = never ? neverRestored() : task.getExit();
      List<Event> events = new ArrayList<>();
      if (never) {
        events.add(exited(containerId, exit));
      }
      events.add(
          new Event.TaskDeleted(
              TaskDeletedPayload.newBuilder()
                  .setContainerId(containerId)
                  .setPid(task.getInit().getPid())
                  .setStatus(exit.getStatus())
                  .setExitedAtNanos(exit.getExitedAtNanos())
                  .build()));
      events.addAll(creation.leavingIfAlone(namespace, containerId));
      journal.commit(origin, namespace, events);
      Failpoint.TASK_DELETED_RECORDED.hit();
      shims.keepSpare();
      return exit;
    }
  }

  /** As {@link #delete}, harmless where it is gone: its exit may have had it deleted already. */
  public void deleteIfThere(Origin origin, String namespace, String containerId) {
    try {
      delete(origin, namespace, containerId);
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        throw e;
      }
    }
  }

  /** Created from a checkpoint and not started: it has no process, so none can be killed. */
  private static boolean awaitsRestore(TaskEntry task) {
    return task.getPhase() == TaskPhase.TASK_PHASE_CREATED && task.getInit().getPid() == 0;
  }

  private static Exit neverRestored() {
    return Exit.newBuilder()
        .setExitedAtNanos(nowNanos())
        .setSource(ExitSource.EXIT_SOURCE_SHIM)
        .setReason("NeverRestored")
        .build();
  }

  private static Event exited(String containerId, Exit exit) {
    return new Event.TaskExited(
        TaskExitedPayload.newBuilder()
            .setContainerId(containerId)
            .setStatus(exit.getStatus())
            .setExitedAtNanos(exit.getExitedAtNanos())
            .setSource(exit.getSource())
            .setReason(exit.getReason())
            .build());
  }

  private void killAndAwait(Origin origin, String namespace, String containerId) {
    CompletableFuture<Exit> exit = exitOf(namespace, containerId, "");
    kill(origin, namespace, containerId, "", SIGKILL, true);
    Waits.orRefuse(
        exit,
        KILL_PATIENCE,
        "task "
            + containerId
            + " did not end within "
            + KILL_PATIENCE.toSeconds()
            + " s of SIGKILL; its process may hang in the kernel");
  }

  /** Holds streams that came with an exec. */
  void holdStreams(String namespace, String containerId) {
    streams.hold(bundles.folder(namespace, containerId));
  }

  /** After a restart: holds the streams of every task again. */
  public void holdStreams() {
    journal
        .state()
        .forEach(Kind.TASK, (key, task) -> streams.hold(bundles.folder(key.namespace(), key.id())));
  }

  /** Freezes all processes of the container. */
  public void pause(Origin origin, String namespace, String containerId) {
    try (KeyLocks.Held held = hold(namespace, containerId)) {
      TaskEntry task = inPhase(namespace, containerId, TaskPhase.TASK_PHASE_RUNNING, "pause");
      shimOf(namespace, containerId).pause(namespace, containerId);
      journal.commit(
          origin,
          namespace,
          new Event.TaskPaused(TaskPausedPayload.newBuilder().setContainerId(containerId).build()));
    }
  }

  /** Thaws them. */
  public void resume(Origin origin, String namespace, String containerId) {
    try (KeyLocks.Held held = hold(namespace, containerId)) {
      TaskEntry task = inPhase(namespace, containerId, TaskPhase.TASK_PHASE_PAUSED, "resume");
      shimOf(namespace, containerId).resume(namespace, containerId);
      journal.commit(
          origin,
          namespace,
          new Event.TaskResumed(
              TaskResumedPayload.newBuilder().setContainerId(containerId).build()));
    }
  }

  private TaskEntry inPhase(String namespace, String containerId, TaskPhase phase, String verb) {
    TaskEntry task = get(namespace, containerId);
    if (task.getPhase() != phase) {
      throw Refusal.failedPrecondition(
          "cannot "
              + verb
              + " task "
              + containerId
              + ": it is "
              + readable(task.getPhase())
              + ", not "
              + readable(phase));
    }
    return task;
  }

  /** Sets the size of a terminal; {@code execId} "" is init's. */
  public void resizePty(
      String namespace, String containerId, String execId, int width, int height) {
    TaskEntry task = get(namespace, containerId);
    shimOf(namespace, containerId).resizePty(namespace, containerId, execId, width, height);
  }

  /** Closes the write end of stdin. */
  public void closeStdin(String namespace, String containerId, String execId) {
    TaskEntry task = get(namespace, containerId);
    shimOf(namespace, containerId).closeStdin(namespace, containerId, execId);
  }

  /** All pids of the container. */
  public List<Integer> pids(String namespace, String containerId) {
    TaskEntry task = get(namespace, containerId);
    return shimOf(namespace, containerId).pids(namespace, containerId);
  }

  /** cgroup metrics as a typed value. */
  public Opaque stats(String namespace, String containerId) {
    TaskEntry task = get(namespace, containerId);
    return shimOf(namespace, containerId).stats(namespace, containerId);
  }

  /** Applies OCI linux resources. */
  public void update(String namespace, String containerId, Opaque resources) {
    TaskEntry task = get(namespace, containerId);
    shimOf(namespace, containerId).update(namespace, containerId, resources);
  }

  /** Opens the log file of the container again after a rotation. */
  public void reopenLog(String namespace, String containerId) {
    TaskEntry task =
        inPhase(namespace, containerId, TaskPhase.TASK_PHASE_RUNNING, "reopen the log of");
    shimOf(namespace, containerId).reopenLog(namespace, containerId);
  }

  /**
   * Copies what init writes from now on into FIFOs that are read already; "" for a stream that is
   * not wanted. Ends with init, with the reader, or with the shim: then it is to be asked again.
   */
  public void attach(String namespace, String containerId, String stdout, String stderr) {
    TaskEntry task = inPhase(namespace, containerId, TaskPhase.TASK_PHASE_RUNNING, "attach to");
    shimOf(namespace, containerId).attach(namespace, containerId, stdout, stderr);
  }

  /**
   * Completes with the exit of init ({@code execId} "") or an exec; at once where it has ended.
   * Cancel it when nobody waits any more.
   *
   * @throws Refusal NOT_FOUND where there is no such process
   */
  public CompletableFuture<Exit> exitOf(String namespace, String containerId, String execId) {
    CompletableFuture<Exit> exit = exits.of(namespace, containerId, execId);
    if (execId.isEmpty()) {
      TaskEntry task = get(namespace, containerId);
      if (task.getPhase() == TaskPhase.TASK_PHASE_STOPPED) {
        exit.complete(task.getExit());
      }
    } else {
      var exec =
          journal
              .state()
              .get(Kind.EXEC.key(namespace, containerId + "/" + execId))
              .orElseThrow(
                  () ->
                      Refusal.notFound(
                          "exec " + execId + " in task " + containerId + " not found: not found"));
      if (exec.getPhase() == dev.retainerd.store.proto.ExecPhase.EXEC_PHASE_STOPPED) {
        exit.complete(exec.getExit());
      }
    }
    return exit;
  }

  /** The task as its shim sees it right now. */
  ProcessStatus stateInShim(TaskEntry task, String namespace, String containerId) {
    return shimOf(namespace, containerId).state(namespace, containerId, "");
  }

  /** The shim that the task lives in now. */
  ShimCalls shimOf(String namespace, String containerId) {
    return shims.callsOf(() -> get(namespace, containerId).getShimId());
  }

  /** To be said as early as it is known: it takes the kernel a while to get ready for it. */
  public void expectProcess() {
    processExpected.run();
  }

  Journal journal() {
    return journal;
  }

  Shims shims() {
    return shims;
  }

  static ProcessIdentity identity(int pid) {
    ProcessIdentity.Builder identity =
        ProcessIdentity.newBuilder()
            .setPid(pid)
            .setBootId(dev.retainerd.runtime.linux.ProcessIdentity.currentBootId());
    try {
      dev.retainerd.runtime.linux.ProcessIdentity.of(pid)
          .ifPresent(found -> identity.setStartTimeTicks(found.startTimeTicks()));
    } catch (IOException e) {
      // Gone already: the pid alone is kept for the record, and never signalled.
    }
    return identity.build();
  }

  /** Whether a shim was asked and its answer is missing. */
  static boolean isUnanswered(Exception e) {
    return e instanceof Refusal refusal && refusal.is(Refusal.Code.UNAVAILABLE);
  }

  /** RUNNING for TASK_PHASE_RUNNING. */
  static String readable(TaskPhase phase) {
    return phase.name().substring("TASK_PHASE_".length());
  }

  static long nowNanos() {
    var now = java.time.Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  static String reason(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  static Refusal asRefusal(Throwable e, String what) {
    return e instanceof Refusal refusal ? refusal : Refusal.internal(what + ": " + reason(e), e);
  }
}
