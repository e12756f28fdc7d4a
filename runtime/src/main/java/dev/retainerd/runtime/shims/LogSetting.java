package dev.retainerd.runtime.shims;

/** What of a container's log can be changed while it is written; each is a number from 0. */
public enum LogSetting {
  /** After which a line is cut in parts; 0 for never. */
  MAX_LINE_BYTES,
  /** How fast the container may write; 0 for as fast as it can. */
  BYTES_PER_SECOND,
  /** The size at which the shim rotates the log by itself; 0 for never. */
  MAX_FILE_BYTES,
  /** How many files it has at most then; from 2. */
  MAX_FILES
}
