package dev.retainerd.runtime.grpc;

import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts the calls that a stop should let finish. Streams, and calls that wait for a container's
 * end, are not among them: they last as long as their client wants, and begin anew with the next
 * daemon.
 */
final class CallsUnderWay implements ServerInterceptor {
  private static final Set<String> WAITS = Set.of("containerd.services.tasks.v1.Tasks/Wait");

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition none = lock.newCondition();
  private int count;

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    MethodDescriptor<Q, R> method = call.getMethodDescriptor();
    if (method.getType() != MethodDescriptor.MethodType.UNARY
        || WAITS.contains(method.getFullMethodName())) {
      return next.startCall(call, headers);
    }
    change(1);
    // gRPC tells a listener of exactly one of the two ends.
    return new ForwardingServerCallListener.SimpleForwardingServerCallListener<>(
        next.startCall(call, headers)) {
      @Override
      public void onComplete() {
        change(-1);
        super.onComplete();
      }

      @Override
      public void onCancel() {
        change(-1);
        super.onCancel();
      }
    };
  }

  private void change(int by) {
    lock.lock();
    try {
      count += by;
      if (count == 0) {
        none.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until none is under way; false if the patience ended first. */
  boolean awaitNone(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    if (!lock.tryLock(left, TimeUnit.NANOSECONDS)) {
      return false;
    }
    try {
      while (count > 0) {
        if (left <= 0) {
          return false;
        }
        left = none.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }
}
