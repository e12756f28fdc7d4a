package dev.retainerd.replay.export;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.proto.Provenance;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.util.ArrayList;
import java.util.List;

/**
 * What a page that begins in the middle of a history has to be told of what was there before, so
 * that its bars and its state at the cursor are those of the node: rows like those of events, of
 * which the page takes names and begins only.
 */
final class PageStart {
  private final List<List<Object>> rows = new ArrayList<>();

  private PageStart() {}

  /** The rows, in the order in which the page needs them. */
  static List<List<Object>> rows(NodeState state) {
    PageStart start = new PageStart();
    state.forEach(Kind.NODE, (key, node) -> start.daemon(node));
    state.forEach(
        Kind.SANDBOX,
        (key, pod) -> {
          SandboxRecord record = pod.getSandbox();
          String name = record.getPodNamespace() + "/" + record.getName();
          String subject = "sandbox/" + record.getId();
          long at = record.getCreatedAtNanos();
          start.row(pod.getProvenance(), at, key.namespace(), subject, "SandboxCreating", name);
          if (pod.getPhase() == SandboxPhase.SANDBOX_PHASE_READY) {
            start.row(pod.getProvenance(), at, key.namespace(), subject, "SandboxCreated", "");
          }
        });
    state.forEach(
        Kind.CONTAINER,
        (key, entry) -> {
          ContainerRecord record = entry.getContainer();
          String pod = record.getCri().getSandboxId() + " " + record.getCri().getName();
          start.row(
              entry.getProvenance(),
              record.getCreatedAtNanos(),
              key.namespace(),
              "container/" + record.getId(),
              "ContainerCreating",
              pod);
        });
    state.forEach(
        Kind.TASK,
        (key, task) -> {
          TaskPhase phase = task.getPhase();
          if (phase == TaskPhase.TASK_PHASE_RUNNING || phase == TaskPhase.TASK_PHASE_PAUSED) {
            start.row(
                task.getProvenance(),
                task.getStartedAtNanos(),
                key.namespace(),
                "task/" + task.getContainerId(),
                "TaskStarted",
                "");
          }
        });
    state.forEach(
        Kind.SHIM,
        (key, shim) -> {
          if (shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING) {
            long at = shim.getProvenance().getChangedAtNanos();
            start.row(shim.getProvenance(), at, "", "shim/" + shim.getId(), "ShimStarted", "");
          }
        });
    return start.rows;
  }

  private void daemon(NodeEntry node) {
    if (!node.getStoppedCleanly()) {
      long at = node.getProvenance().getChangedAtNanos();
      row(node.getProvenance(), at, "", "node", "DaemonStarted", "");
    }
  }

  private void row(
      Provenance provenance,
      long nanos,
      String namespace,
      String subject,
      String type,
      String pod) {
    rows.add(
        List.of(
            provenance.getChanged(),
            Math.floorDiv(nanos, 1_000L),
            namespace,
            subject,
            type,
            "",
            "",
            3,
            "",
            pod,
            -1,
            0,
            0));
  }
}
