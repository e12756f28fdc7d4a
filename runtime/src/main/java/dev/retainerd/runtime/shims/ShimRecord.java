package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.ExitSource;

/**
 * Something that happened in a shim without being asked for.
 *
 * @param number grows by one a record within one shim process
 * @param detail of an exit: why the status is what it is, "" where it says it all; of an OOM: the
 *     cgroup
 * @param oomKilled whether the OOM killer struck in the container before this exit
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
    String detail,
    boolean oomKilled) {
  /** What happened. */
  public enum Kind {
    EXIT,
    OOM
  }
}
