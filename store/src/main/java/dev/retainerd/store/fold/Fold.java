package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.StateView;
import java.util.List;

/**
 * The one fold: what an event changes in the state. A pure function of the state before it, the
 * header and the event.
 */
public final class Fold {

  private Fold() {}

  /**
   * What {@code event} changes.
   *
   * @throws IllegalTransitionException where the event does not fit the state; nothing is changed
   *     then
   */
  public static List<Delta<?>> fold(StateView state, EventHeader at, Event event) {
    Folding f = new Folding(state, at, event.type());
    switch (event) {
      case Event.DaemonStarted e -> NodeFold.started(f, e.payload());
      case Event.DaemonStopping e -> NodeFold.stopping(f);
      case Event.RecoveryFinished e -> NodeFold.touched(f);
      case Event.DamageFound e -> NodeFold.damaged(f, e.payload());
      case Event.LeftoverRemoved e -> NodeFold.touched(f);
      case Event.NodeRebooted e -> NodeFold.touched(f);
      case Event.StateSnapshotTaken e -> NodeFold.touched(f);
      case Event.GenerationArchived e -> NodeFold.archived(f, e.payload());
      case Event.GenerationRemoved e -> NodeFold.logBegins(f, e.payload());

      case Event.NamespaceCreated e -> MetadataFold.namespaceCreated(f, e.payload());
      case Event.NamespaceUpdated e -> MetadataFold.namespaceUpdated(f, e.payload());
      case Event.NamespaceDeleted e -> MetadataFold.namespaceDeleted(f, e.payload());

      case Event.ImageCreated e -> MetadataFold.imageCreated(f, e.payload());
      case Event.ImageUpdated e -> MetadataFold.imageUpdated(f, e.payload());
      case Event.ImageDeleted e -> MetadataFold.imageDeleted(f, e.payload());
      case Event.ImagePulling e -> MetadataFold.pulling(f, e.payload().getReference());
      case Event.ImagePulled e -> MetadataFold.pullEnded(f, e.payload().getReference());
      case Event.ImagePullFailed e -> MetadataFold.pullEnded(f, e.payload().getReference());

      case Event.ContentCommitted e -> MetadataFold.contentCommitted(f, e.payload());
      case Event.ContentUpdated e -> MetadataFold.contentUpdated(f, e.payload());
      case Event.ContentDeleted e -> MetadataFold.contentDeleted(f, e.payload());

      case Event.LeaseCreated e -> MetadataFold.leaseCreated(f, e.payload());
      case Event.LeaseDeleted e -> MetadataFold.leaseDeleted(f, e.payload());
      case Event.LeaseResourceAdded e -> MetadataFold.leaseResourceAdded(f, e.payload());
      case Event.LeaseResourceRemoved e -> MetadataFold.leaseResourceRemoved(f, e.payload());
      case Event.SnapshotPreparing e -> SnapshotFold.preparing(f, e.payload());
      case Event.SnapshotPrepared e -> SnapshotFold.moved(f, id(e.payload()));
      case Event.SnapshotPrepareFailed e -> SnapshotFold.moved(f, id(e.payload()));
      case Event.SnapshotCommitted e -> SnapshotFold.committed(f, e.payload());
      case Event.SnapshotUpdated e -> SnapshotFold.updated(f, e.payload());
      case Event.SnapshotRemoving e -> SnapshotFold.moved(f, id(e.payload()));
      case Event.SnapshotRemoved e -> SnapshotFold.moved(f, id(e.payload()));

      case Event.ContainerCreating e -> ContainerFold.stated(f, e.payload().getContainer());
      case Event.ContainerCreated e -> ContainerFold.stated(f, e.payload().getContainer());
      case Event.ContainerUpdated e -> ContainerFold.stated(f, e.payload().getContainer());
      case Event.ContainerCreateFailed e -> ContainerFold.moved(f, e.payload().getId());
      case Event.ContainerRemoving e -> ContainerFold.moved(f, e.payload().getId());
      case Event.ContainerRemoved e -> ContainerFold.moved(f, e.payload().getId());

      case Event.SandboxCreating e -> SandboxFold.creating(f, e.payload());
      case Event.SandboxNetworkAttached e -> SandboxFold.attached(f, e.payload());
      case Event.SandboxCreated e -> SandboxFold.created(f, e.payload());
      case Event.SandboxCreateFailed e -> SandboxFold.moved(f, e.payload().getId());
      case Event.SandboxStopping e -> SandboxFold.moved(f, e.payload().getId());
      case Event.SandboxNetworkDetached e -> SandboxFold.detached(f, e.payload().getId());
      case Event.SandboxStopped e -> SandboxFold.stopped(f, e.payload());
      case Event.SandboxEnded e -> SandboxFold.ended(f, e.payload());
      case Event.SandboxResourcesUpdated e -> SandboxFold.resources(f, e.payload());
      case Event.SandboxRemoving e -> SandboxFold.moved(f, e.payload().getId());
      case Event.SandboxRemoved e -> SandboxFold.moved(f, e.payload().getId());
      case Event.OfPodCheckpoint e -> SandboxFold.checkpoint(f, e);

      case Event.TaskCreating e -> TaskFold.creating(f, e.payload());
      case Event.TaskCreated e -> TaskFold.created(f, e.payload());
      case Event.TaskCreateFailed e -> TaskFold.createFailed(f, e.payload());
      case Event.TaskStarting e -> TaskFold.moved(f, e.payload().getContainerId());
      case Event.TaskStarted e -> TaskFold.started(f, e.payload());
      case Event.TaskStartFailed e -> TaskFold.startFailed(f, e.payload());
      case Event.TaskStopping e -> TaskFold.stopping(f, e.payload());
      case Event.TaskSignalled e -> TaskFold.signalled(f, e.payload());
      case Event.TaskPaused e -> TaskFold.moved(f, e.payload().getContainerId());
      case Event.TaskStopGivenUp e -> TaskFold.stopGivenUp(f, e.payload().getContainerId());
      case Event.TaskResumed e -> TaskFold.moved(f, e.payload().getContainerId());
      case Event.OfCheckpoint e -> TaskFold.moved(f, e.containerId());
      case Event.TaskOom e -> TaskFold.oom(f, e.payload());
      case Event.TaskExited e -> TaskFold.exited(f, e.payload());
      case Event.TaskDeleted e -> TaskFold.deleted(f, e.payload());

      case Event.ExecAdded e -> ExecFold.added(f, e.payload());
      case Event.ExecStarting e ->
          ExecFold.moved(f, e.payload().getContainerId(), e.payload().getExecId());
      case Event.ExecStarted e -> ExecFold.started(f, e.payload());
      case Event.ExecStartFailed e -> ExecFold.startFailed(f, e.payload());
      case Event.ExecExited e -> ExecFold.exited(f, e.payload());
      case Event.ExecDeleted e ->
          ExecFold.moved(f, e.payload().getContainerId(), e.payload().getExecId());

      case Event.ShimStarting e -> ShimFold.starting(f, e.payload());
      case Event.ShimStarted e -> ShimFold.started(f, e.payload());
      case Event.ShimStartFailed e -> ShimFold.startFailed(f, e.payload());
      case Event.ShimAssigned e -> ShimFold.assigned(f, e.payload());
      case Event.ShimUnassigned e -> ShimFold.unassigned(f, e.payload());
      case Event.ShimLost e -> ShimFold.moved(f, e.payload().getId(), e.payload().getReason());
      case Event.ShimReplaced e -> ShimFold.replaced(f, e.payload());
      case Event.ShimUnreachable e -> ShimFold.unreachable(f, e.payload());
      case Event.ShimReattached e -> ShimFold.moved(f, e.payload().getId(), "");
      case Event.ShimAdopting e -> ShimFold.adopting(f, e.payload());
      case Event.ShimRetired e -> ShimFold.moved(f, e.payload().getId(), e.payload().getReason());
      case Event.ShimStopped e -> ShimFold.moved(f, e.payload().getId(), "");
      case Event.GarbageCollected e -> NodeFold.touched(f);
      case Event.OfGroup e -> GroupFold.fold(f, e);
    }
    return f.deltas();
  }

  private static String id(dev.retainerd.eventlog.proto.SnapshotPreparedPayload p) {
    return SnapshotFold.id(p.getSnapshotter(), p.getKey());
  }

  private static String id(dev.retainerd.eventlog.proto.SnapshotPrepareFailedPayload p) {
    return SnapshotFold.id(p.getSnapshotter(), p.getKey());
  }

  private static String id(dev.retainerd.eventlog.proto.SnapshotRemovingPayload p) {
    return SnapshotFold.id(p.getSnapshotter(), p.getKey());
  }

  private static String id(dev.retainerd.eventlog.proto.SnapshotRemovedPayload p) {
    return SnapshotFold.id(p.getSnapshotter(), p.getKey());
  }
}
