package dev.retainerd.eventlog.event;

import com.google.protobuf.MessageLite;
import dev.retainerd.eventlog.proto.ContainerCreateFailedPayload;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerCreatingPayload;
import dev.retainerd.eventlog.proto.ContainerRemovedPayload;
import dev.retainerd.eventlog.proto.ContainerRemovingPayload;
import dev.retainerd.eventlog.proto.ContainerUpdatedPayload;
import dev.retainerd.eventlog.proto.ContentCommittedPayload;
import dev.retainerd.eventlog.proto.ContentDeletedPayload;
import dev.retainerd.eventlog.proto.ContentUpdatedPayload;
import dev.retainerd.eventlog.proto.DaemonStartedPayload;
import dev.retainerd.eventlog.proto.DaemonStoppingPayload;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.eventlog.proto.ExecAddedPayload;
import dev.retainerd.eventlog.proto.ExecDeletedPayload;
import dev.retainerd.eventlog.proto.ExecExitedPayload;
import dev.retainerd.eventlog.proto.ExecStartFailedPayload;
import dev.retainerd.eventlog.proto.ExecStartedPayload;
import dev.retainerd.eventlog.proto.ExecStartingPayload;
import dev.retainerd.eventlog.proto.GarbageCollectedPayload;
import dev.retainerd.eventlog.proto.GenerationArchivedPayload;
import dev.retainerd.eventlog.proto.GenerationRemovedPayload;
import dev.retainerd.eventlog.proto.GroupCreatedPayload;
import dev.retainerd.eventlog.proto.GroupRecordDeletedPayload;
import dev.retainerd.eventlog.proto.GroupRecordUpdatedPayload;
import dev.retainerd.eventlog.proto.GroupRecordedPayload;
import dev.retainerd.eventlog.proto.GroupRemovedPayload;
import dev.retainerd.eventlog.proto.GroupStartedPayload;
import dev.retainerd.eventlog.proto.GroupStoppedPayload;
import dev.retainerd.eventlog.proto.ImageCreatedPayload;
import dev.retainerd.eventlog.proto.ImageDeletedPayload;
import dev.retainerd.eventlog.proto.ImagePullFailedPayload;
import dev.retainerd.eventlog.proto.ImagePulledPayload;
import dev.retainerd.eventlog.proto.ImagePullingPayload;
import dev.retainerd.eventlog.proto.ImageUpdatedPayload;
import dev.retainerd.eventlog.proto.LeaseCreatedPayload;
import dev.retainerd.eventlog.proto.LeaseDeletedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceRemovedPayload;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.NamespaceDeletedPayload;
import dev.retainerd.eventlog.proto.NamespaceUpdatedPayload;
import dev.retainerd.eventlog.proto.NodeRebootedPayload;
import dev.retainerd.eventlog.proto.RecoveryFinishedPayload;
import dev.retainerd.eventlog.proto.SandboxCheckpointFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCheckpointedPayload;
import dev.retainerd.eventlog.proto.SandboxCheckpointingPayload;
import dev.retainerd.eventlog.proto.SandboxCreateFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxEndedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkAttachedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkDetachedPayload;
import dev.retainerd.eventlog.proto.SandboxRemovedPayload;
import dev.retainerd.eventlog.proto.SandboxRemovingPayload;
import dev.retainerd.eventlog.proto.SandboxResourcesUpdatedPayload;
import dev.retainerd.eventlog.proto.SandboxRestoreFailedPayload;
import dev.retainerd.eventlog.proto.SandboxRestoredPayload;
import dev.retainerd.eventlog.proto.SandboxStoppedPayload;
import dev.retainerd.eventlog.proto.SandboxStoppingPayload;
import dev.retainerd.eventlog.proto.ShimAdoptingPayload;
import dev.retainerd.eventlog.proto.ShimAssignedPayload;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimReattachedPayload;
import dev.retainerd.eventlog.proto.ShimReplacedPayload;
import dev.retainerd.eventlog.proto.ShimRetiredPayload;
import dev.retainerd.eventlog.proto.ShimStartFailedPayload;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.eventlog.proto.ShimStoppedPayload;
import dev.retainerd.eventlog.proto.ShimUnassignedPayload;
import dev.retainerd.eventlog.proto.ShimUnreachablePayload;
import dev.retainerd.eventlog.proto.SnapshotCommittedPayload;
import dev.retainerd.eventlog.proto.SnapshotPrepareFailedPayload;
import dev.retainerd.eventlog.proto.SnapshotPreparedPayload;
import dev.retainerd.eventlog.proto.SnapshotPreparingPayload;
import dev.retainerd.eventlog.proto.SnapshotRemovedPayload;
import dev.retainerd.eventlog.proto.SnapshotRemovingPayload;
import dev.retainerd.eventlog.proto.SnapshotUpdatedPayload;
import dev.retainerd.eventlog.proto.StateSnapshotTakenPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointFailedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointedPayload;
import dev.retainerd.eventlog.proto.TaskCheckpointingPayload;
import dev.retainerd.eventlog.proto.TaskCreateFailedPayload;
import dev.retainerd.eventlog.proto.TaskCreatedPayload;
import dev.retainerd.eventlog.proto.TaskCreatingPayload;
import dev.retainerd.eventlog.proto.TaskDeletedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskOomPayload;
import dev.retainerd.eventlog.proto.TaskPausedPayload;
import dev.retainerd.eventlog.proto.TaskResumedPayload;
import dev.retainerd.eventlog.proto.TaskSignalledPayload;
import dev.retainerd.eventlog.proto.TaskStartFailedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.eventlog.proto.TaskStartingPayload;
import dev.retainerd.eventlog.proto.TaskStopGivenUpPayload;
import dev.retainerd.eventlog.proto.TaskStoppingPayload;

/**
 * One state transition of the node, or the intent to make one. Immutable; thread-safe.
 *
 * <p>The set is sealed, so that the fold and every other reader is one exhaustive switch: a new
 * event does not compile until each of them says what it means.
 */
public sealed interface Event {

  /** Its kind, with the number that stands in the log for ever. */
  EventType type();

  /** What it says, as it is encoded in the log. */
  MessageLite payload();

  /** What it is about: a kind, a slash and an id, such as {@code container/web}; never empty. */
  String subject();

  /** See {@link DaemonStartedPayload}. */
  record DaemonStarted(DaemonStartedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.DAEMON_STARTED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link DaemonStoppingPayload}. */
  record DaemonStopping(DaemonStoppingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.DAEMON_STOPPING;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link RecoveryFinishedPayload}. */
  record RecoveryFinished(RecoveryFinishedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.RECOVERY_FINISHED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link DamageFoundPayload}. */
  record DamageFound(DamageFoundPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.DAMAGE_FOUND;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link LeftoverRemovedPayload}. */
  record LeftoverRemoved(LeftoverRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.LEFTOVER_REMOVED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link NodeRebootedPayload}. */
  record NodeRebooted(NodeRebootedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.NODE_REBOOTED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link StateSnapshotTakenPayload}. */
  record StateSnapshotTaken(StateSnapshotTakenPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.STATE_SNAPSHOT_TAKEN;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link GenerationArchivedPayload}. */
  record GenerationArchived(GenerationArchivedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.GENERATION_ARCHIVED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link GenerationRemovedPayload}. */
  record GenerationRemoved(GenerationRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.GENERATION_REMOVED;
    }

    @Override
    public String subject() {
      return "node";
    }
  }

  /** See {@link NamespaceCreatedPayload}. */
  record NamespaceCreated(NamespaceCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.NAMESPACE_CREATED;
    }

    @Override
    public String subject() {
      return "namespace/" + payload.getName();
    }
  }

  /** See {@link NamespaceUpdatedPayload}. */
  record NamespaceUpdated(NamespaceUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.NAMESPACE_UPDATED;
    }

    @Override
    public String subject() {
      return "namespace/" + payload.getName();
    }
  }

  /** See {@link NamespaceDeletedPayload}. */
  record NamespaceDeleted(NamespaceDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.NAMESPACE_DELETED;
    }

    @Override
    public String subject() {
      return "namespace/" + payload.getName();
    }
  }

  /** See {@link ImageCreatedPayload}. */
  record ImageCreated(ImageCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_CREATED;
    }

    @Override
    public String subject() {
      return "image/" + payload.getImage().getName();
    }
  }

  /** See {@link ImageUpdatedPayload}. */
  record ImageUpdated(ImageUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_UPDATED;
    }

    @Override
    public String subject() {
      return "image/" + payload.getImage().getName();
    }
  }

  /** See {@link ImageDeletedPayload}. */
  record ImageDeleted(ImageDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_DELETED;
    }

    @Override
    public String subject() {
      return "image/" + payload.getName();
    }
  }

  /** See {@link ImagePullingPayload}. */
  record ImagePulling(ImagePullingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_PULLING;
    }

    @Override
    public String subject() {
      return "image/" + payload.getReference();
    }
  }

  /** See {@link ImagePulledPayload}. */
  record ImagePulled(ImagePulledPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_PULLED;
    }

    @Override
    public String subject() {
      return "image/" + payload.getReference();
    }
  }

  /** See {@link ImagePullFailedPayload}. */
  record ImagePullFailed(ImagePullFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.IMAGE_PULL_FAILED;
    }

    @Override
    public String subject() {
      return "image/" + payload.getReference();
    }
  }

  /** See {@link ContentCommittedPayload}. */
  record ContentCommitted(ContentCommittedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTENT_COMMITTED;
    }

    @Override
    public String subject() {
      return "content/" + payload.getDigest();
    }
  }

  /** See {@link ContentUpdatedPayload}. */
  record ContentUpdated(ContentUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTENT_UPDATED;
    }

    @Override
    public String subject() {
      return "content/" + payload.getDigest();
    }
  }

  /** See {@link ContentDeletedPayload}. */
  record ContentDeleted(ContentDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTENT_DELETED;
    }

    @Override
    public String subject() {
      return "content/" + payload.getDigest();
    }
  }

  /** See {@link SnapshotPreparingPayload}. */
  record SnapshotPreparing(SnapshotPreparingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_PREPARING;
    }

    @Override
    public String subject() {
      return "snapshot/"
          + payload.getSnapshot().getSnapshotter()
          + "/"
          + payload.getSnapshot().getKey();
    }
  }

  /** See {@link SnapshotPreparedPayload}. */
  record SnapshotPrepared(SnapshotPreparedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_PREPARED;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link SnapshotPrepareFailedPayload}. */
  record SnapshotPrepareFailed(SnapshotPrepareFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_PREPARE_FAILED;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link SnapshotCommittedPayload}. */
  record SnapshotCommitted(SnapshotCommittedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_COMMITTED;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link SnapshotUpdatedPayload}. */
  record SnapshotUpdated(SnapshotUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_UPDATED;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link SnapshotRemovingPayload}. */
  record SnapshotRemoving(SnapshotRemovingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_REMOVING;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link SnapshotRemovedPayload}. */
  record SnapshotRemoved(SnapshotRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SNAPSHOT_REMOVED;
    }

    @Override
    public String subject() {
      return "snapshot/" + payload.getSnapshotter() + "/" + payload.getKey();
    }
  }

  /** See {@link LeaseCreatedPayload}. */
  record LeaseCreated(LeaseCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.LEASE_CREATED;
    }

    @Override
    public String subject() {
      return "lease/" + payload.getId();
    }
  }

  /** See {@link LeaseDeletedPayload}. */
  record LeaseDeleted(LeaseDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.LEASE_DELETED;
    }

    @Override
    public String subject() {
      return "lease/" + payload.getId();
    }
  }

  /** See {@link LeaseResourceAddedPayload}. */
  record LeaseResourceAdded(LeaseResourceAddedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.LEASE_RESOURCE_ADDED;
    }

    @Override
    public String subject() {
      return "lease/" + payload.getId();
    }
  }

  /** See {@link LeaseResourceRemovedPayload}. */
  record LeaseResourceRemoved(LeaseResourceRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.LEASE_RESOURCE_REMOVED;
    }

    @Override
    public String subject() {
      return "lease/" + payload.getId();
    }
  }

  /** See {@link ContainerCreatingPayload}. */
  record ContainerCreating(ContainerCreatingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_CREATING;
    }

    @Override
    public String subject() {
      return "container/" + payload.getContainer().getId();
    }
  }

  /** See {@link ContainerCreatedPayload}. */
  record ContainerCreated(ContainerCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_CREATED;
    }

    @Override
    public String subject() {
      return "container/" + payload.getContainer().getId();
    }
  }

  /** See {@link ContainerCreateFailedPayload}. */
  record ContainerCreateFailed(ContainerCreateFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_CREATE_FAILED;
    }

    @Override
    public String subject() {
      return "container/" + payload.getId();
    }
  }

  /** See {@link ContainerUpdatedPayload}. */
  record ContainerUpdated(ContainerUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_UPDATED;
    }

    @Override
    public String subject() {
      return "container/" + payload.getContainer().getId();
    }
  }

  /** See {@link ContainerRemovingPayload}. */
  record ContainerRemoving(ContainerRemovingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_REMOVING;
    }

    @Override
    public String subject() {
      return "container/" + payload.getId();
    }
  }

  /** See {@link ContainerRemovedPayload}. */
  record ContainerRemoved(ContainerRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.CONTAINER_REMOVED;
    }

    @Override
    public String subject() {
      return "container/" + payload.getId();
    }
  }

  /** See {@link SandboxCreatingPayload}. */
  record SandboxCreating(SandboxCreatingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CREATING;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getSandbox().getId();
    }
  }

  /** See {@link SandboxNetworkAttachedPayload}. */
  record SandboxNetworkAttached(SandboxNetworkAttachedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_NETWORK_ATTACHED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxCreatedPayload}. */
  record SandboxCreated(SandboxCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CREATED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxCreateFailedPayload}. */
  record SandboxCreateFailed(SandboxCreateFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CREATE_FAILED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxStoppingPayload}. */
  record SandboxStopping(SandboxStoppingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_STOPPING;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxNetworkDetachedPayload}. */
  record SandboxNetworkDetached(SandboxNetworkDetachedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_NETWORK_DETACHED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxStoppedPayload}. */
  record SandboxStopped(SandboxStoppedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_STOPPED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxEndedPayload}. */
  record SandboxEnded(SandboxEndedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_ENDED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxResourcesUpdatedPayload}. */
  record SandboxResourcesUpdated(SandboxResourcesUpdatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_RESOURCES_UPDATED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxRemovingPayload}. */
  record SandboxRemoving(SandboxRemovingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_REMOVING;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link SandboxRemovedPayload}. */
  record SandboxRemoved(SandboxRemovedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SANDBOX_REMOVED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }
  }

  /** See {@link TaskCreatingPayload}. */
  record TaskCreating(TaskCreatingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_CREATING;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskCreatedPayload}. */
  record TaskCreated(TaskCreatedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_CREATED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskCreateFailedPayload}. */
  record TaskCreateFailed(TaskCreateFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_CREATE_FAILED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskStartingPayload}. */
  record TaskStarting(TaskStartingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_STARTING;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskStartedPayload}. */
  record TaskStarted(TaskStartedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_STARTED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskStartFailedPayload}. */
  record TaskStartFailed(TaskStartFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_START_FAILED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskStoppingPayload}. */
  record TaskStopping(TaskStoppingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_STOPPING;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskSignalledPayload}. */
  record TaskSignalled(TaskSignalledPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_SIGNALLED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskPausedPayload}. */
  record TaskPaused(TaskPausedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_PAUSED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskStopGivenUpPayload}. */
  record TaskStopGivenUp(TaskStopGivenUpPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_STOP_GIVEN_UP;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskResumedPayload}. */
  record TaskResumed(TaskResumedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_RESUMED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** Events about checkpoints of tasks; the task is left as it is by them. */
  sealed interface OfCheckpoint extends Event {
    String containerId();
  }

  /** See {@link TaskCheckpointingPayload}. */
  record TaskCheckpointing(TaskCheckpointingPayload payload) implements OfCheckpoint {
    @Override
    public EventType type() {
      return EventType.TASK_CHECKPOINTING;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }

    @Override
    public String containerId() {
      return payload.getContainerId();
    }
  }

  /** See {@link TaskCheckpointedPayload}. */
  record TaskCheckpointed(TaskCheckpointedPayload payload) implements OfCheckpoint {
    @Override
    public EventType type() {
      return EventType.TASK_CHECKPOINTED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }

    @Override
    public String containerId() {
      return payload.getContainerId();
    }
  }

  /** See {@link TaskCheckpointFailedPayload}. */
  record TaskCheckpointFailed(TaskCheckpointFailedPayload payload) implements OfCheckpoint {
    @Override
    public EventType type() {
      return EventType.TASK_CHECKPOINT_FAILED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }

    @Override
    public String containerId() {
      return payload.getContainerId();
    }
  }

  /** See {@link TaskOomPayload}. */
  record TaskOom(TaskOomPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_OOM;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskExitedPayload}. */
  record TaskExited(TaskExitedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_EXITED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link TaskDeletedPayload}. */
  record TaskDeleted(TaskDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.TASK_DELETED;
    }

    @Override
    public String subject() {
      return "task/" + payload.getContainerId();
    }
  }

  /** See {@link ExecAddedPayload}. */
  record ExecAdded(ExecAddedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_ADDED;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ExecStartingPayload}. */
  record ExecStarting(ExecStartingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_STARTING;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ExecStartedPayload}. */
  record ExecStarted(ExecStartedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_STARTED;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ExecStartFailedPayload}. */
  record ExecStartFailed(ExecStartFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_START_FAILED;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ExecExitedPayload}. */
  record ExecExited(ExecExitedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_EXITED;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ExecDeletedPayload}. */
  record ExecDeleted(ExecDeletedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.EXEC_DELETED;
    }

    @Override
    public String subject() {
      return "exec/" + payload.getContainerId() + "/" + payload.getExecId();
    }
  }

  /** See {@link ShimStartingPayload}. */
  record ShimStarting(ShimStartingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_STARTING;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimStartedPayload}. */
  record ShimStarted(ShimStartedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_STARTED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimStartFailedPayload}. */
  record ShimStartFailed(ShimStartFailedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_START_FAILED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimAssignedPayload}. */
  record ShimAssigned(ShimAssignedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_ASSIGNED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimUnassignedPayload}. */
  record ShimUnassigned(ShimUnassignedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_UNASSIGNED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimLostPayload}. */
  record ShimLost(ShimLostPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_LOST;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimReplacedPayload}. */
  record ShimReplaced(ShimReplacedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_REPLACED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimUnreachablePayload}. */
  record ShimUnreachable(ShimUnreachablePayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_UNREACHABLE;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimReattachedPayload}. */
  record ShimReattached(ShimReattachedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_REATTACHED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimStoppedPayload}. */
  record ShimStopped(ShimStoppedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_STOPPED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimAdoptingPayload}. */
  record ShimAdopting(ShimAdoptingPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_ADOPTING;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link ShimRetiredPayload}. */
  record ShimRetired(ShimRetiredPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.SHIM_RETIRED;
    }

    @Override
    public String subject() {
      return "shim/" + payload.getId();
    }
  }

  /** See {@link GarbageCollectedPayload}. */
  record GarbageCollected(GarbageCollectedPayload payload) implements Event {
    @Override
    public EventType type() {
      return EventType.GARBAGE_COLLECTED;
    }

    @Override
    public String subject() {
      return "garbage";
    }
  }

  /** Events about sandboxes that clients of containerd's API make. */
  sealed interface OfGroup extends Event {}

  /** See {@link GroupRecordedPayload}. */
  record GroupRecorded(GroupRecordedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_RECORDED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getGroup().getId();
    }
  }

  /** See {@link GroupRecordUpdatedPayload}. */
  record GroupRecordUpdated(GroupRecordUpdatedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_RECORD_UPDATED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getGroup().getId();
    }
  }

  /** See {@link GroupRecordDeletedPayload}. */
  record GroupRecordDeleted(GroupRecordDeletedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_RECORD_DELETED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getId();
    }
  }

  /** See {@link GroupCreatedPayload}. */
  record GroupCreated(GroupCreatedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_CREATED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getId();
    }
  }

  /** See {@link GroupStartedPayload}. */
  record GroupStarted(GroupStartedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_STARTED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getId();
    }
  }

  /** See {@link GroupStoppedPayload}. */
  record GroupStopped(GroupStoppedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_STOPPED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getId();
    }
  }

  /** See {@link GroupRemovedPayload}. */
  record GroupRemoved(GroupRemovedPayload payload) implements OfGroup {
    @Override
    public EventType type() {
      return EventType.GROUP_REMOVED;
    }

    @Override
    public String subject() {
      return "group/" + payload.getId();
    }
  }

  /** Events about checkpoints of pods, and pods that are made from them. */
  sealed interface OfPodCheckpoint extends Event {
    String sandboxId();
  }

  /** See {@link SandboxCheckpointingPayload}. */
  record SandboxCheckpointing(SandboxCheckpointingPayload payload) implements OfPodCheckpoint {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CHECKPOINTING;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }

    @Override
    public String sandboxId() {
      return payload.getId();
    }
  }

  /** See {@link SandboxCheckpointedPayload}. */
  record SandboxCheckpointed(SandboxCheckpointedPayload payload) implements OfPodCheckpoint {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CHECKPOINTED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }

    @Override
    public String sandboxId() {
      return payload.getId();
    }
  }

  /** See {@link SandboxCheckpointFailedPayload}. */
  record SandboxCheckpointFailed(SandboxCheckpointFailedPayload payload)
      implements OfPodCheckpoint {
    @Override
    public EventType type() {
      return EventType.SANDBOX_CHECKPOINT_FAILED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }

    @Override
    public String sandboxId() {
      return payload.getId();
    }
  }

  /** See {@link SandboxRestoredPayload}. */
  record SandboxRestored(SandboxRestoredPayload payload) implements OfPodCheckpoint {
    @Override
    public EventType type() {
      return EventType.SANDBOX_RESTORED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }

    @Override
    public String sandboxId() {
      return payload.getId();
    }
  }

  /** See {@link SandboxRestoreFailedPayload}. */
  record SandboxRestoreFailed(SandboxRestoreFailedPayload payload) implements OfPodCheckpoint {
    @Override
    public EventType type() {
      return EventType.SANDBOX_RESTORE_FAILED;
    }

    @Override
    public String subject() {
      return "sandbox/" + payload.getId();
    }

    @Override
    public String sandboxId() {
      return payload.getId();
    }
  }
}
