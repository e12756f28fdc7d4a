package dev.retainerd.runtime.shims;

/**
 * A process as its shim sees it.
 *
 * @param exitStatus 0..255; meaningful when stopped
 * @param exitedAtNanos wall time since the epoch; 0 while it lives
 */
public record ProcessStatus(Phase phase, int pid, int exitStatus, long exitedAtNanos) {
  /** containerd's task statuses. */
  public enum Phase {
    UNKNOWN,
    CREATED,
    RUNNING,
    STOPPED,
    PAUSED,
    PAUSING
  }
}
