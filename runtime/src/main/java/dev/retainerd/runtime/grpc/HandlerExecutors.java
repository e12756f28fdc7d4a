package dev.retainerd.runtime.grpc;

import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * On which thread a call's handler runs. A call with one request and one answer is read by the
 * event loop, interceptors and all, and goes to a thread of its own when the request is there: one
 * hand-over where gRPC would make three. What only reads memory is answered by the event loop as
 * well: handing it over, and the answer back, would take longer than the answer. Streams get a
 * thread for each step.
 *
 * <p>To be listed here a handler must wait for nothing: no lock that is held over a wait, no file,
 * no shim. While it runs, the other connections of its loop wait. The same is true of interceptors
 * before a call's request is whole.
 */
final class HandlerExecutors implements ServerCallExecutorSupplier, ServerInterceptor {
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
    return isUnary(call) ? null : threads;
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    ServerCall.Listener<Q> listener = next.startCall(call, headers);
    if (!isUnary(call) || FROM_MEMORY.contains(call.getMethodDescriptor().getFullMethodName())) {
      return listener;
    }
    return new OnAThread<>(listener, threads);
  }

  /** Its end is told when the handler is done with it, as gRPC's own executors would. */
  private static final class OnAThread<Q>
      extends ForwardingServerCallListener.SimpleForwardingServerCallListener<Q> {
    private final Executor threads;

    /** Only the event loop's. */
    private CompletableFuture<Void> handled = CompletableFuture.completedFuture(null);

    OnAThread(ServerCall.Listener<Q> delegate, Executor threads) {
      super(delegate);
      this.threads = threads;
    }

    @Override
    public void onHalfClose() {
      handled = CompletableFuture.runAsync(super::onHalfClose, threads);
    }

    @Override
    public void onCancel() {
      handled.whenComplete((done, failure) -> super.onCancel());
    }

    @Override
    public void onComplete() {
      handled.whenComplete((done, failure) -> super.onComplete());
    }
  }

  private static boolean isUnary(ServerCall<?, ?> call) {
    return call.getMethodDescriptor().getType() == MethodDescriptor.MethodType.UNARY;
  }
}
