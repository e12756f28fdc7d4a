package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.ExitSource;

/**
 * Something that happened in a shim without being asked for.
 *
 * @param number grows by one a record within one shim process
 * @param execId "" for init
 */
public record ShimRecord(
    long number,
    Kind kind,
    String namespace,
    String containerId,
    String execId,
    int pid,
    int status,
    long atNanos,
    ExitSource source,
    String detail) {
  /** What happened. */
  public enum Kind {
    EXIT,
    OOM
  }
}
