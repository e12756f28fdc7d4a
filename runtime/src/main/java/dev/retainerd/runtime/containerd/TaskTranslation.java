package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.wire.containerd.v1.types.Process;
import dev.retainerd.wire.containerd.v1.types.Status;
import java.util.Locale;
import java.util.Optional;

/** Tasks and execs as containerd's clients see processes. */
final class TaskTranslation {
  private TaskTranslation() {}

  static Process process(TaskEntry task) {
    return process(task.getStdio(), task.getExit(), task.hasExit())
        .setContainerId(task.getContainerId())
        .setId(task.getContainerId())
        .setPid(task.getInit().getPid())
        .setStatus(status(task.getPhase()))
        .build();
  }

  static Process process(ExecEntry exec) {
    return process(exec.getStdio(), exec.getExit(), exec.hasExit())
        .setContainerId(exec.getContainerId())
        .setId(exec.getExecId())
        .setPid(exec.getProcess().getPid())
        .setStatus(status(exec.getPhase()))
        .build();
  }

  private static Process.Builder process(StdioPaths stdio, Exit exit, boolean ended) {
    var process =
        Process.newBuilder()
            .setStdin(stdio.getStdin())
            .setStdout(stdio.getStdout())
            .setStderr(stdio.getStderr())
            .setTerminal(stdio.getTerminal());
    if (ended) {
      process
          .setExitStatus(exit.getStatus())
          .setExitedAt(Translation.timestamp(exit.getExitedAtNanos()));
    }
    return process;
  }

  private static Status status(TaskPhase phase) {
    return switch (phase) {
      case TASK_PHASE_CREATING, TASK_PHASE_CREATED, TASK_PHASE_STARTING -> Status.CREATED;
      case TASK_PHASE_RUNNING -> Status.RUNNING;
      case TASK_PHASE_PAUSED -> Status.PAUSED;
      case TASK_PHASE_STOPPED -> Status.STOPPED;
      case TASK_PHASE_UNSPECIFIED, UNRECOGNIZED -> Status.UNKNOWN;
    };
  }

  private static Status status(ExecPhase phase) {
    return switch (phase) {
      case EXEC_PHASE_ADDED, EXEC_PHASE_STARTING -> Status.CREATED;
      case EXEC_PHASE_RUNNING -> Status.RUNNING;
      case EXEC_PHASE_STOPPED -> Status.STOPPED;
      case EXEC_PHASE_UNSPECIFIED, UNRECOGNIZED -> Status.UNKNOWN;
    };
  }

  static Fields fields(String namespace, TaskEntry task) {
    return path ->
        switch (path.getFirst()) {
          case "id" -> Fields.value(task.getContainerId());
          case "namespace" -> Fields.value(namespace);
          case "pid" -> Fields.value(Integer.toString(task.getInit().getPid()));
          case "status" -> Fields.value(status(task.getPhase()).name().toLowerCase(Locale.ROOT));
          default -> Optional.empty();
        };
  }
}
