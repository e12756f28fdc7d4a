package dev.retainerd.runtime.snapshot;

/** What a snapshot's folder is for. */
public enum Purpose {
  /** To be read and written. */
  ACTIVE,
  /** To be filled once, then committed: it is never mounted to write. */
  LAYER,
  /** To be read only. */
  VIEW
}
