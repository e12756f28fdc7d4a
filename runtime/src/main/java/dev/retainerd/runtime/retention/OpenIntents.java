package dev.retainerd.runtime.retention;

import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.Provenance;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.proto.SnapshotPhase;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;

/** Which events opened what is still under way. */
final class OpenIntents {
  private long oldest = Long.MAX_VALUE;

  private OpenIntents() {}

  /** The oldest such event; Long.MAX_VALUE where nothing is under way. */
  static long oldest(StateView state) {
    OpenIntents open = new OpenIntents();
    state.forEach(
        Kind.SANDBOX,
        (key, e) -> {
          open.born(e.getPhase() == SandboxPhase.SANDBOX_PHASE_CREATING, e.getProvenance());
          open.changed(
              e.getPhase() == SandboxPhase.SANDBOX_PHASE_STOPPING
                  || e.getPhase() == SandboxPhase.SANDBOX_PHASE_REMOVING,
              e.getProvenance());
        });
    state.forEach(
        Kind.CONTAINER,
        (key, e) -> {
          open.born(e.getPhase() == ContainerPhase.CONTAINER_PHASE_CREATING, e.getProvenance());
          open.changed(e.getPhase() == ContainerPhase.CONTAINER_PHASE_REMOVING, e.getProvenance());
        });
    state.forEach(
        Kind.TASK,
        (key, e) -> {
          open.born(e.getPhase() == TaskPhase.TASK_PHASE_CREATING, e.getProvenance());
          open.changed(e.getPhase() == TaskPhase.TASK_PHASE_STARTING, e.getProvenance());
        });
    state.forEach(
        Kind.EXEC,
        (key, e) -> open.changed(e.getPhase() == ExecPhase.EXEC_PHASE_STARTING, e.getProvenance()));
    state.forEach(
        Kind.SNAPSHOT,
        (key, e) -> {
          open.born(e.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_PREPARING, e.getProvenance());
          open.changed(e.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_REMOVING, e.getProvenance());
        });
    state.forEach(
        Kind.SHIM,
        (key, e) -> open.born(e.getPhase() == ShimPhase.SHIM_PHASE_STARTING, e.getProvenance()));
    state.forEach(Kind.OPERATION, (key, e) -> open.born(true, e.getProvenance()));
    return open.oldest;
  }

  private void born(boolean underWay, Provenance provenance) {
    if (underWay) {
      oldest = Math.min(oldest, provenance.getCreated());
    }
  }

  private void changed(boolean underWay, Provenance provenance) {
    if (underWay) {
      oldest = Math.min(oldest, provenance.getChanged());
    }
  }
}
