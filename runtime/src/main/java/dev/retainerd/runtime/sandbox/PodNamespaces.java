package dev.retainerd.runtime.sandbox;

import dev.retainerd.eventlog.proto.SandboxRecord;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** Makes and keeps a pod's namespaces, without a process in them. Thread-safe. */
public interface PodNamespaces {

  /** Where the network namespace of that sandbox is pinned, if it has one of its own. */
  Path net(String sandboxId);

  /** Where its UTS namespace is. */
  Path uts(String sandboxId);

  /** Where its IPC namespace is. */
  Path ipc(String sandboxId);

  /** Where its user namespace is. */
  Path user(String sandboxId);

  /** Makes those that the record names a path for, each pinned there; harmless where they are. */
  void pin(SandboxRecord sandbox, Map<String, String> sysctls);

  /** Lets them go; harmless where they are gone. */
  void release(SandboxRecord sandbox);

  /** Whether the network namespace that was pinned there is. */
  boolean isAlive(Path netns);

  /** Ids of sandboxes that have something pinned. */
  Set<String> pinned();

  /** Lets go what an unknown sandbox has pinned. */
  void release(String sandboxId);
}
