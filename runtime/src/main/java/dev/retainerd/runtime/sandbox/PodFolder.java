package dev.retainerd.runtime.sandbox;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;

/** Makes a pod's files: hosts, hostname, resolv.conf, and its /dev/shm. Thread-safe. */
public interface PodFolder {
  /** Makes them; harmless where they are. */
  void make(SandboxRecord sandbox, PodSandboxConfig config);

  /** Ends what a stopped pod needs no more: its /dev/shm. Harmless where it is gone. */
  void release(String sandboxId);

  /** Removes all of it; harmless where it is gone. */
  void remove(String sandboxId);
}
