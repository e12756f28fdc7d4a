package dev.retainerd.runtime.sandbox;

import dev.retainerd.runtime.engine.Origin;

/** What a pod does with the containers in it. */
public interface SandboxContainers {
  /** Ends all of them, at once, and waits until their tasks are gone. */
  void stopAll(Origin origin, String sandboxId);

  /** Removes all of them. */
  void removeAll(Origin origin, String sandboxId);
}
