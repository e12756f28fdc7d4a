package dev.retainerd.store.snapshot;

/** A snapshot cannot be used. The message is one sentence. */
public final class SnapshotDamagedException extends Exception {
  private static final long serialVersionUID = 1L;

  public SnapshotDamagedException(String message, Throwable cause) {
    super(message, cause);
  }
}
