package dev.retainerd.store.fold;

import static dev.retainerd.eventlog.event.EventType.*;
import static dev.retainerd.store.proto.ContainerPhase.*;
import static dev.retainerd.store.proto.ExecPhase.*;
import static dev.retainerd.store.proto.GroupPhase.*;
import static dev.retainerd.store.proto.SandboxPhase.*;
import static dev.retainerd.store.proto.ShimPhase.*;
import static dev.retainerd.store.proto.SnapshotPhase.*;
import static dev.retainerd.store.proto.TaskPhase.*;

import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.GroupPhase;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.proto.SnapshotPhase;
import dev.retainerd.store.proto.TaskPhase;

/**
 * Every lifecycle of the node, as data.
 *
 * <pre>
 * sandbox    CREATING -> READY -> STOPPING -> STOPPED -> REMOVING -> gone   (CREATING -> gone when it fails;
 *                        READY -> ENDED -> STOPPING when its pause process ends)
 * container  CREATING -> CREATED -> REMOVING -> gone
 * task       CREATING -> CREATED -> STARTING -> RUNNING <-> PAUSED -> STOPPED -> gone
 * exec       ADDED -> STARTING -> RUNNING -> STOPPED -> gone
 * snapshot   PREPARING -> READY -> REMOVING -> gone
 * group      CREATED -> READY -> STOPPED -> gone   (a group that was not started may go at once)
 * shim       STARTING -> RUNNING <-> UNREACHABLE -> LOST -> replaced or gone
 * </pre>
 */
public final class Lifecycles {

  public static final Lifecycle<SandboxPhase> SANDBOX =
      Lifecycle.<SandboxPhase>of("sandbox")
          .begins(SANDBOX_CREATING, SANDBOX_PHASE_CREATING)
          .stays(SANDBOX_NETWORK_ATTACHED, SANDBOX_PHASE_CREATING)
          .moves(SANDBOX_CREATED, SANDBOX_PHASE_READY, SANDBOX_PHASE_CREATING)
          .ends(SANDBOX_CREATE_FAILED, SANDBOX_PHASE_CREATING)
          .stays(SANDBOX_RESOURCES_UPDATED, SANDBOX_PHASE_READY)
          .stays(SANDBOX_CHECKPOINTING, SANDBOX_PHASE_READY)
          // It may be stopped meanwhile, or end with a boot.
          .stays(
              SANDBOX_CHECKPOINTED,
              SANDBOX_PHASE_READY,
              SANDBOX_PHASE_ENDED,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_STOPPED,
              SANDBOX_PHASE_REMOVING)
          .stays(
              SANDBOX_CHECKPOINT_FAILED,
              SANDBOX_PHASE_READY,
              SANDBOX_PHASE_ENDED,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_STOPPED,
              SANDBOX_PHASE_REMOVING)
          .stays(SANDBOX_RESTORED, SANDBOX_PHASE_READY)
          .stays(
              SANDBOX_RESTORE_FAILED,
              SANDBOX_PHASE_READY,
              SANDBOX_PHASE_ENDED,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_STOPPED)
          .moves(SANDBOX_ENDED, SANDBOX_PHASE_ENDED, SANDBOX_PHASE_READY)
          // The end may be noticed while the pod is being stopped, and twice.
          .stays(
              SANDBOX_ENDED,
              SANDBOX_PHASE_ENDED,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_STOPPED,
              SANDBOX_PHASE_REMOVING)
          .moves(
              SANDBOX_STOPPING,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_READY,
              SANDBOX_PHASE_ENDED,
              SANDBOX_PHASE_STOPPING)
          .stays(SANDBOX_NETWORK_DETACHED, SANDBOX_PHASE_STOPPING, SANDBOX_PHASE_STOPPED)
          .moves(
              SANDBOX_STOPPED,
              SANDBOX_PHASE_STOPPED,
              SANDBOX_PHASE_STOPPING,
              SANDBOX_PHASE_READY,
              SANDBOX_PHASE_ENDED)
          .moves(
              SANDBOX_REMOVING,
              SANDBOX_PHASE_REMOVING,
              SANDBOX_PHASE_STOPPED,
              SANDBOX_PHASE_REMOVING)
          .ends(SANDBOX_REMOVED, SANDBOX_PHASE_REMOVING)
          .build();

  public static final Lifecycle<GroupPhase> GROUP =
      Lifecycle.<GroupPhase>of("group")
          .begins(GROUP_CREATED, GROUP_PHASE_CREATED)
          .moves(GROUP_STARTED, GROUP_PHASE_READY, GROUP_PHASE_CREATED)
          .moves(GROUP_STOPPED, GROUP_PHASE_STOPPED, GROUP_PHASE_CREATED, GROUP_PHASE_READY)
          .ends(GROUP_REMOVED, GROUP_PHASE_CREATED, GROUP_PHASE_STOPPED)
          .build();

  /**
   * A record made over containerd's API has no side effects: it begins CREATED and may go at once.
   */
  public static final Lifecycle<ContainerPhase> CONTAINER =
      Lifecycle.<ContainerPhase>of("container")
          .begins(CONTAINER_CREATING, CONTAINER_PHASE_CREATING)
          .begins(CONTAINER_CREATED, CONTAINER_PHASE_CREATED)
          .moves(CONTAINER_CREATED, CONTAINER_PHASE_CREATED, CONTAINER_PHASE_CREATING)
          .ends(CONTAINER_CREATE_FAILED, CONTAINER_PHASE_CREATING)
          .stays(CONTAINER_UPDATED, CONTAINER_PHASE_CREATED)
          .moves(
              CONTAINER_REMOVING,
              CONTAINER_PHASE_REMOVING,
              CONTAINER_PHASE_CREATED,
              CONTAINER_PHASE_REMOVING)
          .ends(CONTAINER_REMOVED, CONTAINER_PHASE_REMOVING, CONTAINER_PHASE_CREATED)
          .build();

  /**
   * One intent may stand for both create and start ({@code TaskCreating.starts}): then the start
   * follows on the create directly.
   *
   * <p>An exit may overtake the outcome of create or start when the daemon dies between them, so it
   * is legal from CREATING on only through TaskCreated, and from CREATED on directly.
   */
  public static final Lifecycle<TaskPhase> TASK =
      Lifecycle.<TaskPhase>of("task")
          .begins(TASK_CREATING, TASK_PHASE_CREATING)
          .moves(TASK_CREATED, TASK_PHASE_CREATED, TASK_PHASE_CREATING)
          .ends(TASK_CREATE_FAILED, TASK_PHASE_CREATING)
          .moves(TASK_STARTING, TASK_PHASE_STARTING, TASK_PHASE_CREATED)
          .moves(TASK_STARTED, TASK_PHASE_RUNNING, TASK_PHASE_STARTING, TASK_PHASE_CREATED)
          .moves(TASK_START_FAILED, TASK_PHASE_CREATED, TASK_PHASE_STARTING)
          .stays(
              TASK_STOPPING,
              TASK_PHASE_CREATED,
              TASK_PHASE_STARTING,
              TASK_PHASE_RUNNING,
              TASK_PHASE_PAUSED)
          .stays(
              TASK_STOP_GIVEN_UP,
              TASK_PHASE_CREATED,
              TASK_PHASE_STARTING,
              TASK_PHASE_RUNNING,
              TASK_PHASE_PAUSED)
          .stays(
              TASK_SIGNALLED,
              TASK_PHASE_CREATED,
              TASK_PHASE_STARTING,
              TASK_PHASE_RUNNING,
              TASK_PHASE_PAUSED,
              TASK_PHASE_STOPPED)
          .stays(TASK_CHECKPOINTING, TASK_PHASE_RUNNING, TASK_PHASE_PAUSED)
          // It may be resumed, or end, while the runtime writes.
          .stays(TASK_CHECKPOINTED, TASK_PHASE_RUNNING, TASK_PHASE_PAUSED, TASK_PHASE_STOPPED)
          .stays(TASK_CHECKPOINT_FAILED, TASK_PHASE_RUNNING, TASK_PHASE_PAUSED, TASK_PHASE_STOPPED)
          .moves(TASK_PAUSED, TASK_PHASE_PAUSED, TASK_PHASE_RUNNING)
          .moves(TASK_RESUMED, TASK_PHASE_RUNNING, TASK_PHASE_PAUSED)
          .stays(
              TASK_OOM,
              TASK_PHASE_CREATED,
              TASK_PHASE_STARTING,
              TASK_PHASE_RUNNING,
              TASK_PHASE_PAUSED)
          .moves(
              TASK_EXITED,
              TASK_PHASE_STOPPED,
              TASK_PHASE_CREATED,
              TASK_PHASE_STARTING,
              TASK_PHASE_RUNNING,
              TASK_PHASE_PAUSED)
          .ends(TASK_DELETED, TASK_PHASE_STOPPED)
          .build();

  public static final Lifecycle<ExecPhase> EXEC =
      Lifecycle.<ExecPhase>of("exec")
          .begins(EXEC_ADDED, EXEC_PHASE_ADDED)
          .moves(EXEC_STARTING, EXEC_PHASE_STARTING, EXEC_PHASE_ADDED)
          .moves(EXEC_STARTED, EXEC_PHASE_RUNNING, EXEC_PHASE_STARTING)
          .moves(EXEC_START_FAILED, EXEC_PHASE_STOPPED, EXEC_PHASE_STARTING)
          .moves(EXEC_EXITED, EXEC_PHASE_STOPPED, EXEC_PHASE_STARTING, EXEC_PHASE_RUNNING)
          .ends(EXEC_DELETED, EXEC_PHASE_ADDED, EXEC_PHASE_STOPPED)
          .build();

  public static final Lifecycle<SnapshotPhase> SNAPSHOT =
      Lifecycle.<SnapshotPhase>of("snapshot")
          .begins(SNAPSHOT_PREPARING, SNAPSHOT_PHASE_PREPARING)
          .moves(SNAPSHOT_PREPARED, SNAPSHOT_PHASE_READY, SNAPSHOT_PHASE_PREPARING)
          .ends(SNAPSHOT_PREPARE_FAILED, SNAPSHOT_PHASE_PREPARING)
          .ends(SNAPSHOT_COMMITTED, SNAPSHOT_PHASE_READY)
          .stays(SNAPSHOT_UPDATED, SNAPSHOT_PHASE_READY)
          .moves(
              SNAPSHOT_REMOVING,
              SNAPSHOT_PHASE_REMOVING,
              SNAPSHOT_PHASE_READY,
              SNAPSHOT_PHASE_REMOVING)
          .ends(SNAPSHOT_REMOVED, SNAPSHOT_PHASE_REMOVING)
          .build();

  public static final Lifecycle<ShimPhase> SHIM =
      Lifecycle.<ShimPhase>of("shim")
          .begins(SHIM_STARTING, SHIM_PHASE_STARTING)
          .moves(SHIM_STARTED, SHIM_PHASE_RUNNING, SHIM_PHASE_STARTING)
          .ends(SHIM_START_FAILED, SHIM_PHASE_STARTING)
          .stays(SHIM_ASSIGNED, SHIM_PHASE_RUNNING, SHIM_PHASE_UNREACHABLE)
          .stays(
              SHIM_UNASSIGNED,
              SHIM_PHASE_STARTING,
              SHIM_PHASE_RUNNING,
              SHIM_PHASE_UNREACHABLE,
              SHIM_PHASE_LOST)
          .stays(SHIM_ADOPTING, SHIM_PHASE_RUNNING)
          .moves(SHIM_RETIRED, SHIM_PHASE_LOST, SHIM_PHASE_RUNNING, SHIM_PHASE_UNREACHABLE)
          .moves(SHIM_UNREACHABLE, SHIM_PHASE_UNREACHABLE, SHIM_PHASE_RUNNING)
          .moves(SHIM_REATTACHED, SHIM_PHASE_RUNNING, SHIM_PHASE_RUNNING, SHIM_PHASE_UNREACHABLE)
          .moves(
              SHIM_LOST,
              SHIM_PHASE_LOST,
              SHIM_PHASE_STARTING,
              SHIM_PHASE_RUNNING,
              SHIM_PHASE_UNREACHABLE)
          .ends(SHIM_REPLACED, SHIM_PHASE_LOST)
          .ends(SHIM_STOPPED, SHIM_PHASE_RUNNING, SHIM_PHASE_UNREACHABLE, SHIM_PHASE_LOST)
          .build();

  private Lifecycles() {}
}
