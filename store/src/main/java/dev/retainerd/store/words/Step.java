package dev.retainerd.store.words;

import dev.retainerd.eventlog.event.EventType;

/**
 * What an event does to an operation: an intent opens it, an outcome closes it, anything else is a
 * note. An operation of one subject is open at most once.
 *
 * @param role what it does
 * @param operation the operation's verb, such as {@code create}; empty for a note
 */
public record Step(Role role, String operation) {

  /** See {@link Step}. */
  public enum Role {
    OPENS,
    SUCCEEDS,
    FAILS,
    NOTES
  }

  private static final Step NOTE = new Step(Role.NOTES, "");

  /** The step that an event of this type is. */
  public static Step of(EventType type) {
    return switch (type) {
      case DAEMON_STARTED -> opens("recover");
      case RECOVERY_FINISHED -> succeeds("recover");

      case IMAGE_PULLING -> opens("pull");
      case IMAGE_PULLED -> succeeds("pull");
      case IMAGE_PULL_FAILED -> fails("pull");

      case SNAPSHOT_PREPARING, CONTAINER_CREATING, SANDBOX_CREATING, TASK_CREATING ->
          opens("create");
      case SNAPSHOT_PREPARED, CONTAINER_CREATED, SANDBOX_CREATED, TASK_CREATED ->
          succeeds("create");
      case SNAPSHOT_PREPARE_FAILED,
          CONTAINER_CREATE_FAILED,
          SANDBOX_CREATE_FAILED,
          TASK_CREATE_FAILED ->
          fails("create");

      case SNAPSHOT_REMOVING, CONTAINER_REMOVING, SANDBOX_REMOVING -> opens("remove");
      case SNAPSHOT_REMOVED, CONTAINER_REMOVED, SANDBOX_REMOVED -> succeeds("remove");

      case SANDBOX_STOPPING, TASK_STOPPING -> opens("stop");
      case SANDBOX_STOPPED, TASK_EXITED -> succeeds("stop");

      case SANDBOX_CHECKPOINTING -> opens("checkpoint");
      case SANDBOX_CHECKPOINTED -> succeeds("checkpoint");
      case SANDBOX_CHECKPOINT_FAILED -> fails("checkpoint");

      case TASK_STARTING, EXEC_STARTING, SHIM_STARTING -> opens("start");
      case TASK_STARTED, EXEC_STARTED, SHIM_STARTED -> succeeds("start");
      case TASK_START_FAILED, EXEC_START_FAILED, SHIM_START_FAILED -> fails("start");

      case DAEMON_STOPPING,
          DAMAGE_FOUND,
          LEFTOVER_REMOVED,
          GARBAGE_COLLECTED,
          GROUP_RECORDED,
          GROUP_RECORD_UPDATED,
          GROUP_RECORD_DELETED,
          GROUP_CREATED,
          GROUP_STARTED,
          GROUP_STOPPED,
          GROUP_REMOVED,
          NODE_REBOOTED,
          STATE_SNAPSHOT_TAKEN,
          GENERATION_ARCHIVED,
          GENERATION_REMOVED,
          NAMESPACE_CREATED,
          NAMESPACE_UPDATED,
          NAMESPACE_DELETED,
          IMAGE_CREATED,
          IMAGE_UPDATED,
          IMAGE_DELETED,
          CONTENT_COMMITTED,
          CONTENT_UPDATED,
          CONTENT_DELETED,
          SNAPSHOT_COMMITTED,
          SNAPSHOT_UPDATED,
          LEASE_CREATED,
          LEASE_DELETED,
          LEASE_RESOURCE_ADDED,
          LEASE_RESOURCE_REMOVED,
          CONTAINER_UPDATED,
          SANDBOX_NETWORK_ATTACHED,
          SANDBOX_NETWORK_DETACHED,
          SANDBOX_ENDED,
          SANDBOX_RESOURCES_UPDATED,
          SANDBOX_RESTORED,
          SANDBOX_RESTORE_FAILED,
          TASK_SIGNALLED,
          TASK_PAUSED,
          TASK_STOP_GIVEN_UP,
          TASK_RESUMED,
          TASK_CHECKPOINTING,
          TASK_CHECKPOINTED,
          TASK_CHECKPOINT_FAILED,
          TASK_OOM,
          TASK_DELETED,
          EXEC_ADDED,
          EXEC_EXITED,
          EXEC_DELETED,
          SHIM_ASSIGNED,
          SHIM_UNASSIGNED,
          SHIM_LOST,
          SHIM_REPLACED,
          SHIM_UNREACHABLE,
          SHIM_REATTACHED,
          SHIM_STOPPED,
          SHIM_ADOPTING,
          SHIM_RETIRED ->
          NOTE;
    };
  }

  private static Step opens(String operation) {
    return new Step(Role.OPENS, operation);
  }

  private static Step succeeds(String operation) {
    return new Step(Role.SUCCEEDS, operation);
  }

  private static Step fails(String operation) {
    return new Step(Role.FAILS, operation);
  }
}
