package dev.retainerd.store.words;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.TaskCheckpointFailedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointingPayload;
import dev.retainerd.eventlog.proto.TaskCreateFailedPayload;
import dev.retainerd.eventlog.proto.TaskCreatedPayload;
import dev.retainerd.eventlog.proto.TaskCreatingPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskOomPayload;
import dev.retainerd.eventlog.proto.TaskSignalledPayload;
import dev.retainerd.eventlog.proto.TaskStartFailedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.eventlog.proto.TaskStoppingPayload;

/** Sentences about the processes of containers. */
final class TaskWords {

  private TaskWords() {}

  static String says(String id, String what) {
    return "task of " + Phrases.shortId(id) + " " + what;
  }

  static String creating(TaskCreatingPayload p) {
    String how = p.getStarts() ? "is being created and started" : "is being created";
    return says(p.getContainerId(), how + " in shim " + p.getShimId());
  }

  static String created(TaskCreatedPayload p) {
    return says(p.getContainerId(), "was created" + Phrases.process(p.getInit()));
  }

  static String createFailed(TaskCreateFailedPayload p) {
    return says(p.getContainerId(), "could not be created") + Phrases.because(p.getReason());
  }

  static String started(TaskStartedPayload p) {
    return says(p.getContainerId(), "runs as pid " + p.getPid());
  }

  static String startFailed(TaskStartFailedPayload p) {
    return says(p.getContainerId(), "could not be started") + Phrases.because(p.getReason());
  }

  static String stopping(TaskStoppingPayload p) {
    return says(p.getContainerId(), "is being stopped: ")
        + Phrases.signal(p.getSignal())
        + (p.getGraceMillis() > 0
            ? ", and SIGKILL after " + Phrases.duration(p.getGraceMillis() * 1_000_000)
            : "");
  }

  static String signalled(TaskSignalledPayload p) {
    String to =
        p.getExecId().isEmpty()
            ? says(p.getContainerId(), "")
            : "exec " + p.getExecId() + " of " + Phrases.shortId(p.getContainerId()) + " ";
    return to
        + "was sent "
        + Phrases.signal(p.getSignal())
        + (p.getAll() ? " (all processes)" : "");
  }

  static String checkpoint(Event.OfCheckpoint event) {
    return switch (event) {
      case Event.TaskCheckpointing e -> checkpointing(e.payload());
      case Event.TaskCheckpointed e -> checkpointed(e.payload());
      case Event.TaskCheckpointFailed e -> checkpointFailed(e.payload());
    };
  }

  private static String checkpointing(TaskCheckpointingPayload p) {
    return says(p.getContainerId(), "is being checkpointed")
        + (p.getPath().isEmpty() ? "" : " into " + p.getPath())
        + (p.getExits() ? ", and ends with that" : "");
  }

  private static String checkpointed(TaskCheckpointedPayload p) {
    String where = p.getDigest().isEmpty() ? p.getPath() : p.getDigest();
    return says(p.getContainerId(), "was checkpointed" + (where.isEmpty() ? "" : " into " + where));
  }

  private static String checkpointFailed(TaskCheckpointFailedPayload p) {
    return says(p.getContainerId(), "could not be checkpointed") + Phrases.because(p.getReason());
  }

  static String oom(TaskOomPayload p) {
    return says(p.getContainerId(), "ran out of its memory limit")
        + (p.getCgroup().isEmpty() ? "" : " (cgroup " + p.getCgroup() + ")");
  }

  static String exited(TaskExitedPayload p) {
    return says(p.getContainerId(), Phrases.ended(p.getStatus(), p.getSource(), p.getReason()));
  }
}
