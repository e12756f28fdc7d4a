package dev.retainerd.store.words;

import dev.retainerd.eventlog.event.Event;

/**
 * What an event says, as one sentence without a full stop. Pure; holds no secret: only fields that
 * the schema does not mark as such are told.
 */
public final class EventWords {

  private EventWords() {}

  /** The sentence for {@code event}. */
  public static String sentence(Event event) {
    return switch (event) {
      case Event.DaemonStarted e -> NodeWords.started(e.payload());
      case Event.DaemonStopping e -> NodeWords.stopping(e.payload());
      case Event.RecoveryFinished e -> NodeWords.recovered(e.payload());
      case Event.DamageFound e -> NodeWords.damaged(e.payload());
      case Event.LeftoverRemoved e -> NodeWords.leftover(e.payload());
      case Event.NodeRebooted e -> NodeWords.rebooted(e.payload());
      case Event.StateSnapshotTaken e -> NodeWords.snapshotTaken(e.payload());
      case Event.GenerationArchived e -> NodeWords.archived(e.payload());
      case Event.GenerationRemoved e -> NodeWords.removed(e.payload());

      case Event.NamespaceCreated e -> "namespace " + e.payload().getName() + " was created";
      case Event.NamespaceUpdated e -> "labels of namespace " + e.payload().getName() + " were set";
      case Event.NamespaceDeleted e -> "namespace " + e.payload().getName() + " was deleted";

      case Event.ImagePulling e -> "image " + e.payload().getReference() + " is being pulled";
      case Event.ImagePulled e -> ImageWords.pulled(e.payload());
      case Event.ImagePullFailed e -> ImageWords.pullFailed(e.payload());
      case Event.ImageCreated e -> ImageWords.stated(e.payload().getImage(), "was created");
      case Event.ImageUpdated e -> ImageWords.stated(e.payload().getImage(), "was updated");
      case Event.ImageDeleted e -> "image " + e.payload().getName() + " was deleted";

      case Event.ContentCommitted e -> ImageWords.committed(e.payload());
      case Event.ContentUpdated e -> "labels of blob " + e.payload().getDigest() + " were set";
      case Event.ContentDeleted e -> "blob " + e.payload().getDigest() + " was deleted";

      case Event.SnapshotPreparing e -> SnapshotWords.preparing(e.payload());
      case Event.SnapshotPrepared e -> SnapshotWords.prepared(e.payload());
      case Event.SnapshotPrepareFailed e -> SnapshotWords.prepareFailed(e.payload());
      case Event.SnapshotCommitted e -> SnapshotWords.committed(e.payload());
      case Event.SnapshotUpdated e -> SnapshotWords.updated(e.payload());
      case Event.SnapshotRemoving e -> SnapshotWords.removing(e.payload());
      case Event.SnapshotRemoved e -> SnapshotWords.removed(e.payload());

      case Event.LeaseCreated e -> "lease " + e.payload().getId() + " was created";
      case Event.LeaseDeleted e -> "lease " + e.payload().getId() + " was deleted";
      case Event.LeaseResourceAdded e -> ImageWords.leased(e.payload());
      case Event.LeaseResourceRemoved e -> ImageWords.released(e.payload());

      case Event.ContainerCreating e -> ContainerWords.creating(e.payload().getContainer());
      case Event.ContainerCreated e -> ContainerWords.created(e.payload().getContainer());
      case Event.ContainerCreateFailed e -> ContainerWords.createFailed(e.payload());
      case Event.ContainerUpdated e -> ContainerWords.updated(e.payload().getContainer());
      case Event.ContainerRemoving e -> ContainerWords.removing(e.payload().getId());
      case Event.ContainerRemoved e -> ContainerWords.removed(e.payload().getId());

      case Event.SandboxCreating e -> SandboxWords.creating(e.payload().getSandbox());
      case Event.SandboxNetworkAttached e -> SandboxWords.attached(e.payload());
      case Event.SandboxCreated e -> SandboxWords.created(e.payload());
      case Event.SandboxCreateFailed e -> SandboxWords.createFailed(e.payload());
      case Event.SandboxStopping e -> SandboxWords.says(e.payload().getId(), "is being stopped");
      case Event.SandboxNetworkDetached e -> SandboxWords.detached(e.payload().getId());
      case Event.SandboxStopped e -> SandboxWords.stopped(e.payload());
      case Event.SandboxEnded e -> SandboxWords.ended(e.payload());
      case Event.SandboxResourcesUpdated e ->
          SandboxWords.says(e.payload().getId(), "got other resources");
      case Event.SandboxRemoving e -> SandboxWords.says(e.payload().getId(), "is being removed");
      case Event.SandboxRemoved e -> SandboxWords.says(e.payload().getId(), "was removed");
      case Event.OfPodCheckpoint e -> SandboxWords.checkpoint(e);

      case Event.TaskCreating e -> TaskWords.creating(e.payload());
      case Event.TaskCreated e -> TaskWords.created(e.payload());
      case Event.TaskCreateFailed e -> TaskWords.createFailed(e.payload());
      case Event.TaskStarting e -> TaskWords.says(e.payload().getContainerId(), "is being started");
      case Event.TaskStarted e -> TaskWords.started(e.payload());
      case Event.TaskStartFailed e -> TaskWords.startFailed(e.payload());
      case Event.TaskStopping e -> TaskWords.stopping(e.payload());
      case Event.TaskSignalled e -> TaskWords.signalled(e.payload());
      case Event.TaskPaused e -> TaskWords.says(e.payload().getContainerId(), "was paused");
      case Event.TaskStopGivenUp e ->
          TaskWords.says(
              e.payload().getContainerId(), "runs on, since who asked for its stop gave that up");
      case Event.TaskResumed e -> TaskWords.says(e.payload().getContainerId(), "was resumed");
      case Event.OfCheckpoint e -> TaskWords.checkpoint(e);
      case Event.TaskOom e -> TaskWords.oom(e.payload());
      case Event.TaskExited e -> TaskWords.exited(e.payload());
      case Event.TaskDeleted e -> TaskWords.says(e.payload().getContainerId(), "was deleted");

      case Event.ExecAdded e -> ExecWords.added(e.payload());
      case Event.ExecStarting e -> ExecWords.starting(e.payload());
      case Event.ExecStarted e -> ExecWords.started(e.payload());
      case Event.ExecStartFailed e -> ExecWords.startFailed(e.payload());
      case Event.ExecExited e -> ExecWords.exited(e.payload());
      case Event.ExecDeleted e -> ExecWords.deleted(e.payload());

      case Event.ShimStarting e -> ShimWords.starting(e.payload());
      case Event.ShimStarted e -> ShimWords.started(e.payload());
      case Event.ShimStartFailed e -> ShimWords.startFailed(e.payload());
      case Event.ShimAssigned e -> ShimWords.assigned(e.payload());
      case Event.ShimUnassigned e -> ShimWords.unassigned(e.payload());
      case Event.ShimLost e -> ShimWords.lost(e.payload());
      case Event.ShimReplaced e -> ShimWords.replaced(e.payload());
      case Event.ShimUnreachable e -> ShimWords.unreachable(e.payload());
      case Event.ShimReattached e -> ShimWords.reattached(e.payload());
      case Event.ShimAdopting e -> ShimWords.adopting(e.payload());
      case Event.ShimRetired e -> ShimWords.retired(e.payload());
      case Event.ShimStopped e -> "shim " + e.payload().getId() + " was stopped";
      case Event.GarbageCollected e -> ImageWords.collected(e.payload());
      case Event.OfGroup e -> group(e);
    };
  }

  private static String group(Event.OfGroup event) {
    return switch (event) {
      case Event.GroupRecorded e -> group(e.payload().getGroup().getId(), "was recorded");
      case Event.GroupRecordUpdated e -> group(e.payload().getGroup().getId(), "has a new record");
      case Event.GroupRecordDeleted e -> group(e.payload().getId(), "is no longer recorded");
      case Event.GroupCreated e -> group(e.payload().getId(), "was created, not yet started");
      case Event.GroupStarted e -> group(e.payload().getId(), "is ready");
      case Event.GroupStopped e -> group(e.payload().getId(), "was stopped");
      case Event.GroupRemoved e -> group(e.payload().getId(), "was removed");
    };
  }

  private static String group(String id, String what) {
    return "sandbox " + id + " " + what;
  }
}
