package dev.retainerd.runtime.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * On which thread a call's handler runs. What only reads memory is answered by the event loop that
 * read the request: handing it to another thread, and the answer back, would take longer than the
 * answer. Everything else may block and gets a thread of its own.
 *
 * <p>To be listed here a handler must wait for nothing: no lock that is held over a wait, no file,
 * no shim. While it runs, the other connections of its loop wait.
 */
final class HandlerExecutors implements ServerCallExecutorSupplier {
  private static final Set<String> FROM_MEMORY =
      Set.of(
          "runtime.v1.RuntimeService/Version",
          "runtime.v1.RuntimeService/ListContainers",
          "runtime.v1.RuntimeService/ListPodSandbox",
          "runtime.v1.RuntimeService/ContainerStatus",
          "runtime.v1.RuntimeService/PodSandboxStatus",
          "containerd.services.version.v1.Version/Version",
          "containerd.services.tasks.v1.Tasks/Get",
          "grpc.health.v1.Health/Check");

  private final Executor threads;

  HandlerExecutors(Executor threads) {
    this.threads = threads;
  }

  /** Null lets the call go on where its request was read. */
  @Override
  public <Q, R> Executor getExecutor(ServerCall<Q, R> call, Metadata headers) {
    return FROM_MEMORY.contains(call.getMethodDescriptor().getFullMethodName()) ? null : threads;
  }
}
