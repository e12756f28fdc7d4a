package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.proto.Opaque;

/** Finds the configured options of an OCI runtime. */
public interface RuntimeOptions {
  /**
   * The {@code containerd.runc.v1.Options} for a runtime as a container names it ({@code
   * io.containerd.runc.v2}, or a configured handler's name).
   *
   * @throws dev.retainerd.runtime.error.Refusal INVALID_ARGUMENT where it is not configured
   */
  Opaque optionsOf(String runtime);

  /**
   * The same options for a container whose root is another user on the node: its streams belong to
   * that one, unless the options name an owner themselves.
   *
   * @param options of whatever type; those of an unknown one stay as they are
   */
  Opaque ownedBy(Opaque options, long uid, long gid);
}
