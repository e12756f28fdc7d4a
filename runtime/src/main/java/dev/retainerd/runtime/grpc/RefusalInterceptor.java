package dev.retainerd.runtime.grpc;

import io.grpc.ForwardingServerCall;
import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what handlers throw, or hand to onError, into statuses. Refusals pass to the client as they
 * stand; anything else is logged here with its stack, and the client gets one sentence with the
 * request id.
 */
final class RefusalInterceptor implements ServerInterceptor {
  private static final Logger log = LoggerFactory.getLogger(RefusalInterceptor.class);

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    var mapping = new MappingCall<>(call, CallContext.requestId());
    try {
      return new GuardedListener<>(next.startCall(mapping, headers), mapping);
    } catch (RuntimeException | Error thrown) {
      mapping.fail(thrown);
      return new ServerCall.Listener<>() {};
    }
  }

  /** The call as the handler sees it: closed once, with a mapped status. */
  private static final class MappingCall<Q, R>
      extends ForwardingServerCall.SimpleForwardingServerCall<Q, R> {
    private final String requestId;
    private final String method;
    private final long startNanos = System.nanoTime();
    private final AtomicBoolean closed = new AtomicBoolean();

    MappingCall(ServerCall<Q, R> call, String requestId) {
      super(call);
      this.requestId = requestId;
      this.method = call.getMethodDescriptor().getFullMethodName();
    }

    @Override
    public void close(Status status, Metadata trailers) {
      Throwable cause = status.getCause();
      // onError(thrown) arrives as UNKNOWN with its cause; an explicit status of a handler keeps
      // its own code.
      boolean unmapped = cause != null && status.getCode() == Status.Code.UNKNOWN;
      closeOnce(unmapped ? map(cause) : status, trailers);
    }

    void fail(Throwable thrown) {
      closeOnce(map(thrown), new Metadata());
    }

    private Status map(Throwable thrown) {
      if (!StatusOf.isAnswer(thrown)) {
        log.error("{} failed (request {})", method, requestId, thrown);
      } else if (thrown.getCause() != null) {
        log.info(
            "{} refused (request {}): {}, because of {}",
            method,
            requestId,
            thrown.getMessage(),
            thrown.getCause().toString());
        log.debug("the refusal of request {} in full", requestId, thrown);
      }
      return StatusOf.status(thrown, method, requestId);
    }

    private void closeOnce(Status status, Metadata trailers) {
      if (!closed.compareAndSet(false, true)) {
        return;
      }
      if (log.isDebugEnabled()) {
        log.debug(
            "{} -> {} in {} us (request {}, {})",
            method,
            status.getCode(),
            (System.nanoTime() - startNanos) / 1000,
            requestId,
            CallContext.caller());
      }
      super.close(status, trailers);
    }
  }

  private static final class GuardedListener<Q>
      extends ForwardingServerCallListener.SimpleForwardingServerCallListener<Q> {
    private final MappingCall<Q, ?> call;

    GuardedListener(ServerCall.Listener<Q> delegate, MappingCall<Q, ?> call) {
      super(delegate);
      this.call = call;
    }

    private void guarded(Runnable step) {
      try {
        step.run();
      } catch (RuntimeException | Error thrown) {
        if (call.isCancelled() || call.closed.get()) {
          log.debug("{} ended after its caller had gone", call.method, thrown);
        } else {
          call.fail(thrown);
        }
      }
    }

    @Override
    public void onMessage(Q message) {
      guarded(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      guarded(super::onHalfClose);
    }

    @Override
    public void onCancel() {
      guarded(super::onCancel);
    }

    @Override
    public void onComplete() {
      guarded(super::onComplete);
    }

    @Override
    public void onReady() {
      guarded(super::onReady);
    }
  }
}
