package dev.retainerd.eventlog.event;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.NewerFormatException;
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
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Event types and their numbers. A number, once released, keeps its meaning for ever; a type that
 * is no longer written stays here so that old logs fold.
 */
public enum EventType {
  DAEMON_STARTED(1, bytes -> new Event.DaemonStarted(DaemonStartedPayload.parseFrom(bytes))),
  DAEMON_STOPPING(2, bytes -> new Event.DaemonStopping(DaemonStoppingPayload.parseFrom(bytes))),
  RECOVERY_FINISHED(
      3, bytes -> new Event.RecoveryFinished(RecoveryFinishedPayload.parseFrom(bytes))),
  DAMAGE_FOUND(4, bytes -> new Event.DamageFound(DamageFoundPayload.parseFrom(bytes))),
  LEFTOVER_REMOVED(5, bytes -> new Event.LeftoverRemoved(LeftoverRemovedPayload.parseFrom(bytes))),
  NODE_REBOOTED(6, bytes -> new Event.NodeRebooted(NodeRebootedPayload.parseFrom(bytes))),
  STATE_SNAPSHOT_TAKEN(
      7, bytes -> new Event.StateSnapshotTaken(StateSnapshotTakenPayload.parseFrom(bytes))),
  GENERATION_ARCHIVED(
      8, bytes -> new Event.GenerationArchived(GenerationArchivedPayload.parseFrom(bytes))),
  GENERATION_REMOVED(
      9, bytes -> new Event.GenerationRemoved(GenerationRemovedPayload.parseFrom(bytes))),
  NAMESPACE_CREATED(
      20, bytes -> new Event.NamespaceCreated(NamespaceCreatedPayload.parseFrom(bytes))),
  NAMESPACE_UPDATED(
      21, bytes -> new Event.NamespaceUpdated(NamespaceUpdatedPayload.parseFrom(bytes))),
  NAMESPACE_DELETED(
      22, bytes -> new Event.NamespaceDeleted(NamespaceDeletedPayload.parseFrom(bytes))),
  IMAGE_CREATED(30, bytes -> new Event.ImageCreated(ImageCreatedPayload.parseFrom(bytes))),
  IMAGE_UPDATED(31, bytes -> new Event.ImageUpdated(ImageUpdatedPayload.parseFrom(bytes))),
  IMAGE_DELETED(32, bytes -> new Event.ImageDeleted(ImageDeletedPayload.parseFrom(bytes))),
  IMAGE_PULLING(33, bytes -> new Event.ImagePulling(ImagePullingPayload.parseFrom(bytes))),
  IMAGE_PULLED(34, bytes -> new Event.ImagePulled(ImagePulledPayload.parseFrom(bytes))),
  IMAGE_PULL_FAILED(
      35, bytes -> new Event.ImagePullFailed(ImagePullFailedPayload.parseFrom(bytes))),
  CONTENT_COMMITTED(
      40, bytes -> new Event.ContentCommitted(ContentCommittedPayload.parseFrom(bytes))),
  CONTENT_UPDATED(41, bytes -> new Event.ContentUpdated(ContentUpdatedPayload.parseFrom(bytes))),
  CONTENT_DELETED(42, bytes -> new Event.ContentDeleted(ContentDeletedPayload.parseFrom(bytes))),
  SNAPSHOT_PREPARING(
      50, bytes -> new Event.SnapshotPreparing(SnapshotPreparingPayload.parseFrom(bytes))),
  SNAPSHOT_PREPARED(
      51, bytes -> new Event.SnapshotPrepared(SnapshotPreparedPayload.parseFrom(bytes))),
  SNAPSHOT_PREPARE_FAILED(
      52, bytes -> new Event.SnapshotPrepareFailed(SnapshotPrepareFailedPayload.parseFrom(bytes))),
  SNAPSHOT_COMMITTED(
      53, bytes -> new Event.SnapshotCommitted(SnapshotCommittedPayload.parseFrom(bytes))),
  SNAPSHOT_UPDATED(54, bytes -> new Event.SnapshotUpdated(SnapshotUpdatedPayload.parseFrom(bytes))),
  SNAPSHOT_REMOVING(
      55, bytes -> new Event.SnapshotRemoving(SnapshotRemovingPayload.parseFrom(bytes))),
  SNAPSHOT_REMOVED(56, bytes -> new Event.SnapshotRemoved(SnapshotRemovedPayload.parseFrom(bytes))),
  LEASE_CREATED(60, bytes -> new Event.LeaseCreated(LeaseCreatedPayload.parseFrom(bytes))),
  LEASE_DELETED(61, bytes -> new Event.LeaseDeleted(LeaseDeletedPayload.parseFrom(bytes))),
  LEASE_RESOURCE_ADDED(
      62, bytes -> new Event.LeaseResourceAdded(LeaseResourceAddedPayload.parseFrom(bytes))),
  LEASE_RESOURCE_REMOVED(
      63, bytes -> new Event.LeaseResourceRemoved(LeaseResourceRemovedPayload.parseFrom(bytes))),
  CONTAINER_CREATING(
      70, bytes -> new Event.ContainerCreating(ContainerCreatingPayload.parseFrom(bytes))),
  CONTAINER_CREATED(
      71, bytes -> new Event.ContainerCreated(ContainerCreatedPayload.parseFrom(bytes))),
  CONTAINER_CREATE_FAILED(
      72, bytes -> new Event.ContainerCreateFailed(ContainerCreateFailedPayload.parseFrom(bytes))),
  CONTAINER_UPDATED(
      73, bytes -> new Event.ContainerUpdated(ContainerUpdatedPayload.parseFrom(bytes))),
  CONTAINER_REMOVING(
      74, bytes -> new Event.ContainerRemoving(ContainerRemovingPayload.parseFrom(bytes))),
  CONTAINER_REMOVED(
      75, bytes -> new Event.ContainerRemoved(ContainerRemovedPayload.parseFrom(bytes))),
  SANDBOX_CREATING(80, bytes -> new Event.SandboxCreating(SandboxCreatingPayload.parseFrom(bytes))),
  SANDBOX_NETWORK_ATTACHED(
      81,
      bytes -> new Event.SandboxNetworkAttached(SandboxNetworkAttachedPayload.parseFrom(bytes))),
  SANDBOX_CREATED(82, bytes -> new Event.SandboxCreated(SandboxCreatedPayload.parseFrom(bytes))),
  SANDBOX_CREATE_FAILED(
      83, bytes -> new Event.SandboxCreateFailed(SandboxCreateFailedPayload.parseFrom(bytes))),
  SANDBOX_STOPPING(84, bytes -> new Event.SandboxStopping(SandboxStoppingPayload.parseFrom(bytes))),
  SANDBOX_NETWORK_DETACHED(
      85,
      bytes -> new Event.SandboxNetworkDetached(SandboxNetworkDetachedPayload.parseFrom(bytes))),
  SANDBOX_STOPPED(86, bytes -> new Event.SandboxStopped(SandboxStoppedPayload.parseFrom(bytes))),
  SANDBOX_REMOVING(87, bytes -> new Event.SandboxRemoving(SandboxRemovingPayload.parseFrom(bytes))),
  SANDBOX_REMOVED(88, bytes -> new Event.SandboxRemoved(SandboxRemovedPayload.parseFrom(bytes))),
  TASK_CREATING(100, bytes -> new Event.TaskCreating(TaskCreatingPayload.parseFrom(bytes))),
  TASK_CREATED(101, bytes -> new Event.TaskCreated(TaskCreatedPayload.parseFrom(bytes))),
  TASK_CREATE_FAILED(
      102, bytes -> new Event.TaskCreateFailed(TaskCreateFailedPayload.parseFrom(bytes))),
  TASK_STARTING(103, bytes -> new Event.TaskStarting(TaskStartingPayload.parseFrom(bytes))),
  TASK_STARTED(104, bytes -> new Event.TaskStarted(TaskStartedPayload.parseFrom(bytes))),
  TASK_START_FAILED(
      105, bytes -> new Event.TaskStartFailed(TaskStartFailedPayload.parseFrom(bytes))),
  TASK_STOPPING(106, bytes -> new Event.TaskStopping(TaskStoppingPayload.parseFrom(bytes))),
  TASK_SIGNALLED(107, bytes -> new Event.TaskSignalled(TaskSignalledPayload.parseFrom(bytes))),
  TASK_PAUSED(108, bytes -> new Event.TaskPaused(TaskPausedPayload.parseFrom(bytes))),
  TASK_RESUMED(109, bytes -> new Event.TaskResumed(TaskResumedPayload.parseFrom(bytes))),
  TASK_OOM(110, bytes -> new Event.TaskOom(TaskOomPayload.parseFrom(bytes))),
  TASK_EXITED(111, bytes -> new Event.TaskExited(TaskExitedPayload.parseFrom(bytes))),
  TASK_DELETED(112, bytes -> new Event.TaskDeleted(TaskDeletedPayload.parseFrom(bytes))),
  TASK_STOP_GIVEN_UP(
      113, bytes -> new Event.TaskStopGivenUp(TaskStopGivenUpPayload.parseFrom(bytes))),
  EXEC_ADDED(130, bytes -> new Event.ExecAdded(ExecAddedPayload.parseFrom(bytes))),
  EXEC_STARTING(131, bytes -> new Event.ExecStarting(ExecStartingPayload.parseFrom(bytes))),
  EXEC_STARTED(132, bytes -> new Event.ExecStarted(ExecStartedPayload.parseFrom(bytes))),
  EXEC_START_FAILED(
      133, bytes -> new Event.ExecStartFailed(ExecStartFailedPayload.parseFrom(bytes))),
  EXEC_EXITED(134, bytes -> new Event.ExecExited(ExecExitedPayload.parseFrom(bytes))),
  EXEC_DELETED(135, bytes -> new Event.ExecDeleted(ExecDeletedPayload.parseFrom(bytes))),
  SHIM_STARTING(140, bytes -> new Event.ShimStarting(ShimStartingPayload.parseFrom(bytes))),
  SHIM_STARTED(141, bytes -> new Event.ShimStarted(ShimStartedPayload.parseFrom(bytes))),
  SHIM_START_FAILED(
      142, bytes -> new Event.ShimStartFailed(ShimStartFailedPayload.parseFrom(bytes))),
  SHIM_ASSIGNED(143, bytes -> new Event.ShimAssigned(ShimAssignedPayload.parseFrom(bytes))),
  SHIM_UNASSIGNED(144, bytes -> new Event.ShimUnassigned(ShimUnassignedPayload.parseFrom(bytes))),
  SHIM_LOST(145, bytes -> new Event.ShimLost(ShimLostPayload.parseFrom(bytes))),
  SHIM_REPLACED(146, bytes -> new Event.ShimReplaced(ShimReplacedPayload.parseFrom(bytes))),
  SHIM_UNREACHABLE(
      147, bytes -> new Event.ShimUnreachable(ShimUnreachablePayload.parseFrom(bytes))),
  SHIM_REATTACHED(148, bytes -> new Event.ShimReattached(ShimReattachedPayload.parseFrom(bytes))),
  SHIM_STOPPED(149, bytes -> new Event.ShimStopped(ShimStoppedPayload.parseFrom(bytes))),
  SHIM_ADOPTING(150, bytes -> new Event.ShimAdopting(ShimAdoptingPayload.parseFrom(bytes))),
  SHIM_RETIRED(151, bytes -> new Event.ShimRetired(ShimRetiredPayload.parseFrom(bytes))),
  SANDBOX_RESOURCES_UPDATED(
      170,
      bytes -> new Event.SandboxResourcesUpdated(SandboxResourcesUpdatedPayload.parseFrom(bytes))),
  SANDBOX_CHECKPOINTING(
      171, bytes -> new Event.SandboxCheckpointing(SandboxCheckpointingPayload.parseFrom(bytes))),
  SANDBOX_CHECKPOINTED(
      172, bytes -> new Event.SandboxCheckpointed(SandboxCheckpointedPayload.parseFrom(bytes))),
  SANDBOX_CHECKPOINT_FAILED(
      173,
      bytes -> new Event.SandboxCheckpointFailed(SandboxCheckpointFailedPayload.parseFrom(bytes))),
  SANDBOX_RESTORED(
      174, bytes -> new Event.SandboxRestored(SandboxRestoredPayload.parseFrom(bytes))),
  SANDBOX_RESTORE_FAILED(
      175, bytes -> new Event.SandboxRestoreFailed(SandboxRestoreFailedPayload.parseFrom(bytes))),
  SANDBOX_ENDED(176, bytes -> new Event.SandboxEnded(SandboxEndedPayload.parseFrom(bytes))),
  GARBAGE_COLLECTED(
      190, bytes -> new Event.GarbageCollected(GarbageCollectedPayload.parseFrom(bytes))),
  GROUP_RECORDED(191, bytes -> new Event.GroupRecorded(GroupRecordedPayload.parseFrom(bytes))),
  GROUP_RECORD_UPDATED(
      192, bytes -> new Event.GroupRecordUpdated(GroupRecordUpdatedPayload.parseFrom(bytes))),
  GROUP_RECORD_DELETED(
      193, bytes -> new Event.GroupRecordDeleted(GroupRecordDeletedPayload.parseFrom(bytes))),
  GROUP_CREATED(194, bytes -> new Event.GroupCreated(GroupCreatedPayload.parseFrom(bytes))),
  GROUP_STARTED(195, bytes -> new Event.GroupStarted(GroupStartedPayload.parseFrom(bytes))),
  GROUP_STOPPED(196, bytes -> new Event.GroupStopped(GroupStoppedPayload.parseFrom(bytes))),
  GROUP_REMOVED(197, bytes -> new Event.GroupRemoved(GroupRemovedPayload.parseFrom(bytes))),
  TASK_CHECKPOINTING(
      200, bytes -> new Event.TaskCheckpointing(TaskCheckpointingPayload.parseFrom(bytes))),
  TASK_CHECKPOINTED(
      201, bytes -> new Event.TaskCheckpointed(TaskCheckpointedPayload.parseFrom(bytes))),
  TASK_CHECKPOINT_FAILED(
      202, bytes -> new Event.TaskCheckpointFailed(TaskCheckpointFailedPayload.parseFrom(bytes)));

  /** By their numbers, which are small; most readers ask for one with every event. */
  private static final EventType[] BY_NUMBER =
      new EventType[1 + Stream.of(values()).mapToInt(EventType::number).max().orElse(0)];

  static {
    for (EventType type : values()) {
      BY_NUMBER[type.number] = type;
    }
  }

  private final int number;
  private final Decoder decoder;
  private final Upcasts upcasts;
  private final String title;

  EventType(int number, Decoder decoder) {
    this(number, decoder, Upcasts.NONE);
  }

  EventType(int number, Decoder decoder, Upcasts upcasts) {
    this.number = number;
    this.decoder = decoder;
    this.upcasts = upcasts;
    StringBuilder words = new StringBuilder();
    for (String word : name().split("_", -1)) {
      words.append(word.charAt(0)).append(word.substring(1).toLowerCase(java.util.Locale.ROOT));
    }
    this.title = words.toString();
  }

  /** The number that stands in the envelope, 1..65535. */
  public int number() {
    return number;
  }

  /** The name as people read it, such as {@code TaskExited}. */
  public String title() {
    return title;
  }

  /** The version of the payload that this code writes. Readers accept every version up to it. */
  public int schemaVersion() {
    return upcasts.newest();
  }

  /** The type of that number, or empty where this version does not know it. */
  public static Optional<EventType> ofNumber(int number) {
    return number >= 0 && number < BY_NUMBER.length
        ? Optional.ofNullable(BY_NUMBER[number])
        : Optional.empty();
  }

  /**
   * Whether this version of the code understands the event: its type, and its payload's version.
   */
  public static boolean isKnown(EncodedEnvelope event) {
    int number = event.type();
    EventType type = number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    return type != null && event.schemaVersion() <= type.schemaVersion();
  }

  /**
   * The type of an event of the log.
   *
   * @throws NewerFormatException where a newer version wrote it: its type or the version of its
   *     payload is not known to this one
   */
  public static EventType of(Envelope envelope) {
    return ofNumber(envelope.type())
        .filter(known -> envelope.schemaVersion() <= known.schemaVersion())
        .orElseThrow(
            () ->
                new NewerFormatException(
                    "event "
                        + envelope.sequence()
                        + " has type "
                        + envelope.type()
                        + " in version "
                        + envelope.schemaVersion()
                        + ", which this version does not know; use the version that wrote the log,"
                        + " or a newer one"));
  }

  /**
   * Decodes a payload of any version up to {@link #schemaVersion()}.
   *
   * @param version the one it was written in
   * @throws UnreadableEventException where the bytes are no payload of this type and version
   */
  public Event decode(int version, byte[] payload) {
    try {
      return decoder.decode(upcasts.toNewest(version, payload));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new UnreadableEventException(
          "the payload of a " + title + " event cannot be decoded: " + e.getMessage(), e);
    }
  }

  @FunctionalInterface
  private interface Decoder {
    Event decode(byte[] payload) throws InvalidProtocolBufferException;
  }
}
