package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.TaskCreateFailedPayload;
import dev.retainerd.eventlog.proto.TaskCreatedPayload;
import dev.retainerd.eventlog.proto.TaskCreatingPayload;
import dev.retainerd.eventlog.proto.TaskDeletedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskOomPayload;
import dev.retainerd.eventlog.proto.TaskSignalledPayload;
import dev.retainerd.eventlog.proto.TaskStartFailedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.eventlog.proto.TaskStoppingPayload;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.LastRun;
import dev.retainerd.store.proto.StopRequest;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Events about tasks. What outlives a task (its exit, an OOM, why it never ran) is also written
 * into its container's last run.
 */
final class TaskFold {

  private TaskFold() {}

  static void creating(Folding f, TaskCreatingPayload p) {
    String id = p.getContainerId();
    f.existing(Kind.CONTAINER, id);
    Optional<TaskPhase> phase = f.find(Kind.TASK, id).map(TaskEntry::getPhase);
    TaskPhase next = Lifecycles.TASK.next(id, phase, f.type()).orElseThrow();
    f.put(
        Kind.TASK,
        id,
        TaskEntry.newBuilder()
            .setProvenance(f.born())
            .setContainerId(id)
            .setShimId(p.getShimId())
            .setBundle(p.getBundle())
            .setStdio(p.getStdio())
            .setPhase(next)
            .build());
    lastRun(f, id, run -> run.clear());
  }

  static void created(Folding f, TaskCreatedPayload p) {
    changed(f, p.getContainerId(), t -> t.setInit(p.getInit()));
    lastRun(f, p.getContainerId(), run -> run.setPid(p.getInit().getPid()));
  }

  static void createFailed(Folding f, TaskCreateFailedPayload p) {
    moved(f, p.getContainerId());
    if (!p.getUndone()) {
      lastRun(f, p.getContainerId(), run -> run.setStartFailure(p.getReason()));
    }
  }

  static void started(Folding f, TaskStartedPayload p) {
    changed(
        f,
        p.getContainerId(),
        t -> {
          if (p.hasInit()) {
            t.setInit(p.getInit());
          }
          return t.setStartedAtNanos(p.getStartedAtNanos());
        });
    lastRun(
        f,
        p.getContainerId(),
        run -> {
          if (p.hasInit()) {
            run.setPid(p.getInit().getPid());
          }
          return run.setStartedAtNanos(p.getStartedAtNanos());
        });
  }

  static void startFailed(Folding f, TaskStartFailedPayload p) {
    moved(f, p.getContainerId());
    if (!p.getUndone()) {
      lastRun(f, p.getContainerId(), run -> run.setStartFailure(p.getReason()));
    }
  }

  static void stopping(Folding f, TaskStoppingPayload p) {
    changed(
        f,
        p.getContainerId(),
        t ->
            t.setStop(
                StopRequest.newBuilder()
                    .setSignal(p.getSignal())
                    .setGraceMillis(p.getGraceMillis())
                    .setAskedAtNanos(f.at().wallNanos())
                    .setSequence(f.at().sequence())));
  }

  static void stopGivenUp(Folding f, String id) {
    changed(f, id, TaskEntry.Builder::clearStop);
  }

  static void signalled(Folding f, TaskSignalledPayload p) {
    if (p.getExecId().isEmpty()) {
      moved(f, p.getContainerId());
    } else {
      f.existing(Kind.EXEC, ExecFold.id(p.getContainerId(), p.getExecId()));
    }
  }

  static void oom(Folding f, TaskOomPayload p) {
    changed(f, p.getContainerId(), t -> t.setOomKilled(true));
    lastRun(f, p.getContainerId(), run -> run.setOomKilled(true));
  }

  static void exited(Folding f, TaskExitedPayload p) {
    Exit exit =
        Exit.newBuilder()
            .setStatus(p.getStatus())
            .setExitedAtNanos(p.getExitedAtNanos())
            .setSource(p.getSource())
            .setReason(p.getReason())
            .setSequence(f.at().sequence())
            .build();
    changed(f, p.getContainerId(), t -> t.setExit(exit).clearStop());
    lastRun(f, p.getContainerId(), run -> run.setExit(exit));
  }

  /** The task's execs go with it. */
  static void deleted(Folding f, TaskDeletedPayload p) {
    moved(f, p.getContainerId());
    f.view()
        .forEach(
            Kind.EXEC,
            f.at().namespace(),
            p.getContainerId() + "/",
            (id, exec) -> f.remove(Kind.EXEC, id));
  }

  /** Events that only move it along its lifecycle, or end it. */
  static void moved(Folding f, String id) {
    changed(f, id, UnaryOperator.identity());
  }

  private static void changed(Folding f, String id, UnaryOperator<TaskEntry.Builder> change) {
    TaskEntry before = f.existing(Kind.TASK, id);
    Optional<TaskPhase> next = Lifecycles.TASK.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.TASK, id);
      return;
    }
    f.put(
        Kind.TASK,
        id,
        change
            .apply(before.toBuilder())
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }

  private static void lastRun(Folding f, String id, UnaryOperator<LastRun.Builder> change) {
    f.find(Kind.CONTAINER, id)
        .ifPresent(
            before ->
                f.put(
                    Kind.CONTAINER,
                    id,
                    before.toBuilder()
                        .setProvenance(f.changed(before.getProvenance()))
                        .setLastRun(change.apply(before.getLastRun().toBuilder()))
                        .build()));
  }
}
