package dev.retainerd.runtime.history;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The client's end of a stream: {@link #put} waits until the client can take more, so that a slow
 * one costs no memory here. One thread puts; gRPC's threads wake it.
 *
 * @param <T> what goes over it
 */
final class Outlet<T> {
  private static final long LOOK_AGAIN_MILLIS = 500;

  private final ServerCallStreamObserver<T> observer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Must be called on the thread that handles the call, before it returns. */
  Outlet(ServerCallStreamObserver<T> observer) {
    this.observer = observer;
    observer.setOnReadyHandler(this::wake);
    observer.setOnCancelHandler(this::wake);
  }

  private void wake() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the client is gone. */
  boolean gone() {
    return observer.isCancelled();
  }

  /** Hands over one; does nothing once the client is gone. */
  void put(T one) throws InterruptedException {
    lock.lock();
    try {
      while (!observer.isReady() && !observer.isCancelled()) {
        changed.await(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
      }
    } finally {
      lock.unlock();
    }
    if (!observer.isCancelled()) {
      observer.onNext(one);
    }
  }

  void complete() {
    if (!observer.isCancelled()) {
      observer.onCompleted();
    }
  }

  void fail(Throwable why) {
    if (!observer.isCancelled()) {
      observer.onError(why);
    }
  }
}
