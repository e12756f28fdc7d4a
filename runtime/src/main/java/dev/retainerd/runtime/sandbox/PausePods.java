package dev.retainerd.runtime.sandbox;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;

/** Runs the process that holds a pod's pid namespace, where it has one of its own. Thread-safe. */
public interface PausePods {
  /** Starts it as a task of the sandbox's own id. */
  void start(Origin origin, SandboxRecord sandbox, PodSandboxConfig config);

  /** Whether it runs. */
  boolean runs(String sandboxId);

  /** Ends and removes it; harmless where there is none. */
  void remove(Origin origin, String sandboxId);
}
