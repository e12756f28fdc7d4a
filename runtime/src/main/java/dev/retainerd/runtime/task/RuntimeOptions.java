package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.proto.Opaque;

/** Finds the configured options of an OCI runtime. */
@FunctionalInterface
public interface RuntimeOptions {
  /**
   * The {@code containerd.runc.v1.Options} for a runtime as a container names it ({@code
   * io.containerd.runc.v2}, or a configured handler's name).
   *
   * @throws dev.retainerd.runtime.error.Refusal INVALID_ARGUMENT where it is not configured
   */
  Opaque optionsOf(String runtime);
}
