package dev.retainerd.runtime.engine;

/**
 * The named places between an effect and its record at which tests end the daemon, as {@code kill
 * -9} would.
 *
 * <p>Armed by the system property {@code retainerd.failpoint=NAME} or {@code NAME:COUNT} (the
 * COUNTth passage ends the process); never armed otherwise. Thread-safe.
 */
public enum Failpoint {
  SANDBOX_INTENT_RECORDED,
  SANDBOX_FOLDER_MADE,
  SANDBOX_NAMESPACES_PINNED,
  SANDBOX_NETWORK_ADDED,
  SANDBOX_NETWORK_RECORDED,
  SANDBOX_SHIM_ASSIGNED,
  SANDBOX_PAUSE_STARTED,
  SANDBOX_OUTCOME_RECORDED,
  SANDBOX_STOP_RECORDED,
  SANDBOX_TASKS_STOPPED,
  SANDBOX_NETWORK_REMOVED,
  SANDBOX_NAMESPACES_RELEASED,
  SANDBOX_STOPPED_RECORDED,
  SANDBOX_REMOVE_RECORDED,
  SANDBOX_CONTAINERS_REMOVED,
  SANDBOX_FOLDER_REMOVED,
  SANDBOX_REMOVED_RECORDED,
  CONTAINER_INTENT_RECORDED,
  CONTAINER_SNAPSHOT_PREPARED,
  CONTAINER_FOLDER_MADE,
  CONTAINER_OUTCOME_RECORDED,
  CONTAINER_UPDATE_RECORDED,
  CONTAINER_UPDATE_APPLIED,
  CONTAINER_REMOVE_RECORDED,
  CONTAINER_SNAPSHOT_REMOVED,
  CONTAINER_FOLDER_REMOVED,
  CONTAINER_REMOVED_RECORDED,
  POD_CHECKPOINT_INTENT_RECORDED,
  POD_CHECKPOINT_PAUSED,
  POD_CHECKPOINT_WRITTEN,
  POD_RESTORE_POD_MADE,
  POD_RESTORE_CONTAINER_MADE,
  TASK_CREATE_INTENT_RECORDED,
  TASK_BUNDLE_WRITTEN,
  OFFER_WITHDRAWN,
  OFFER_MOVE_RECORDED,
  TASK_CREATED_IN_SHIM,
  TASK_CREATED_RECORDED,
  TASK_START_INTENT_RECORDED,
  TASK_STARTED_IN_SHIM,
  TASK_STARTED_RECORDED,
  TASK_STOP_RECORDED,
  TASK_STOP_SIGNALLED,
  TASK_EXIT_RECORDED,
  TASK_DELETED_IN_SHIM,
  TASK_DELETED_RECORDED,
  SNAPSHOT_INTENT_RECORDED,
  SNAPSHOT_FOLDER_MADE,
  SNAPSHOT_PREPARED_RECORDED,
  SNAPSHOT_COMMITTED_RECORDED,
  SNAPSHOT_REMOVE_RECORDED,
  SNAPSHOT_FOLDER_REMOVED,
  CONTENT_COMMITTED_ON_DISK,
  CONTENT_COMMITTED_RECORDED,
  CONTENT_DELETED_RECORDED,
  PULL_INTENT_RECORDED,
  PULL_FETCHED,
  PULL_UNPACKED,
  PULL_OUTCOME_RECORDED;

  private static final String PROPERTY = "retainerd.failpoint";
  private static final int EXIT_LIKE_KILL = 137;
  private static final Armed ARMED = Armed.read(System.getProperty(PROPERTY, ""));

  /** Ends the process here and now, without any hook, if this failpoint is armed. */
  public void hit() {
    if (ARMED.name.equals(name()) && ARMED.countdown.decrementAndGet() == 0) {
      Runtime.getRuntime().halt(EXIT_LIKE_KILL);
    }
  }

  private record Armed(String name, java.util.concurrent.atomic.AtomicInteger countdown) {
    static Armed read(String value) {
      int colon = value.indexOf(':');
      String name = colon < 0 ? value : value.substring(0, colon);
      int count = colon < 0 ? 1 : Integer.parseInt(value.substring(colon + 1));
      return new Armed(name, new java.util.concurrent.atomic.AtomicInteger(count));
    }
  }
}
