package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.ExecAddedPayload;
import dev.retainerd.eventlog.proto.ExecDeletedPayload;
import dev.retainerd.eventlog.proto.ExecExitedPayload;
import dev.retainerd.eventlog.proto.ExecStartFailedPayload;
import dev.retainerd.eventlog.proto.ExecStartedPayload;
import dev.retainerd.eventlog.proto.ExecStartingPayload;

/** Sentences about further processes in running containers. */
final class ExecWords {

  private ExecWords() {}

  static String added(ExecAddedPayload p) {
    return exec(p.getExecId(), p.getContainerId()) + " was added";
  }

  static String starting(ExecStartingPayload p) {
    return exec(p.getExecId(), p.getContainerId()) + " is being started";
  }

  static String started(ExecStartedPayload p) {
    return exec(p.getExecId(), p.getContainerId()) + " runs" + Phrases.process(p.getProcess());
  }

  static String startFailed(ExecStartFailedPayload p) {
    return exec(p.getExecId(), p.getContainerId())
        + " could not be started"
        + Phrases.because(p.getReason());
  }

  static String exited(ExecExitedPayload p) {
    return exec(p.getExecId(), p.getContainerId())
        + " "
        + Phrases.ended(p.getStatus(), p.getSource(), p.getReason());
  }

  static String deleted(ExecDeletedPayload p) {
    return exec(p.getExecId(), p.getContainerId()) + " was deleted";
  }

  private static String exec(String execId, String containerId) {
    return "exec " + execId + " of " + Phrases.shortId(containerId);
  }
}
