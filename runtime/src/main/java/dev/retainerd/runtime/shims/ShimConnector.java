package dev.retainerd.runtime.shims;

import java.nio.file.Path;

/** Opens connections to shims. */
@FunctionalInterface
public interface ShimConnector {
  /**
   * Connects.
   *
   * @throws dev.retainerd.runtime.error.Refusal UNAVAILABLE where nobody listens
   */
  ShimCalls connect(Path socket);
}
