package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.ExecAddedPayload;
import dev.retainerd.eventlog.proto.ExecExitedPayload;
import dev.retainerd.eventlog.proto.ExecStartFailedPayload;
import dev.retainerd.eventlog.proto.ExecStartedPayload;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.state.Kind;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Events about execs: further processes in a running container. */
final class ExecFold {

  private ExecFold() {}

  static String id(String containerId, String execId) {
    return containerId + "/" + execId;
  }

  static void added(Folding f, ExecAddedPayload p) {
    String id = id(p.getContainerId(), p.getExecId());
    f.existing(Kind.TASK, p.getContainerId());
    Optional<ExecPhase> phase = f.find(Kind.EXEC, id).map(ExecEntry::getPhase);
    ExecPhase next = Lifecycles.EXEC.next(id, phase, f.type()).orElseThrow();
    f.put(
        Kind.EXEC,
        id,
        ExecEntry.newBuilder()
            .setProvenance(f.born())
            .setContainerId(p.getContainerId())
            .setExecId(p.getExecId())
            .setStdio(p.getStdio())
            .setPhase(next)
            .build());
  }

  static void started(Folding f, ExecStartedPayload p) {
    changed(f, id(p.getContainerId(), p.getExecId()), e -> e.setProcess(p.getProcess()));
  }

  static void startFailed(Folding f, ExecStartFailedPayload p) {
    changed(
        f,
        id(p.getContainerId(), p.getExecId()),
        e -> e.setExit(Exit.newBuilder().setReason(p.getReason()).setSequence(f.at().sequence())));
  }

  static void exited(Folding f, ExecExitedPayload p) {
    changed(
        f,
        id(p.getContainerId(), p.getExecId()),
        e ->
            e.setExit(
                Exit.newBuilder()
                    .setStatus(p.getStatus())
                    .setExitedAtNanos(p.getExitedAtNanos())
                    .setSource(p.getSource())
                    .setReason(p.getReason())
                    .setSequence(f.at().sequence())));
  }

  /** Events that only move it along its lifecycle, or end it. */
  static void moved(Folding f, String containerId, String execId) {
    changed(f, id(containerId, execId), UnaryOperator.identity());
  }

  private static void changed(Folding f, String id, UnaryOperator<ExecEntry.Builder> change) {
    ExecEntry before = f.existing(Kind.EXEC, id);
    Optional<ExecPhase> next = Lifecycles.EXEC.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.EXEC, id);
      return;
    }
    f.put(
        Kind.EXEC,
        id,
        change
            .apply(before.toBuilder())
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }
}
