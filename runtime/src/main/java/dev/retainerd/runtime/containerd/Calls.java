package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** How the adapters answer. */
final class Calls {
  private static final int STRIPES = 64;

  private Calls() {}

  /** Answers a unary call with what the body returns; what it throws becomes the call's status. */
  static <R> void answer(StreamObserver<R> response, Supplier<R> body) {
    R reply = body.get();
    response.onNext(reply);
    response.onCompleted();
  }

  /**
   * Keeps read-then-write requests on one thing apart. Different things may share a lock, which
   * costs a wait and no more.
   */
  static final class Exclusion {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private final ReentrantLock[] locks = new ReentrantLock[STRIPES];

    Exclusion() {
      for (int i = 0; i < STRIPES; i++) {
        locks[i] = new ReentrantLock();
      }
    }

    /** Answers a unary call with what the body returns while nobody else is at that thing. */
    <R> void answer(StreamObserver<R> response, String namespace, String id, Supplier<R> body) {
      Calls.answer(response, () -> on(namespace, id, body));
    }

    <R> R on(String namespace, String id, Supplier<R> body) {
      ReentrantLock lock = locks[Math.floorMod(31 * namespace.hashCode() + id.hashCode(), STRIPES)];
      try {
        if (!lock.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
          throw Refusal.deadlineExceeded(
              "another request on %s is still under way after %d s; ask again"
                  .formatted(id, PATIENCE.toSeconds()));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Refusal.cancelled("the request on " + id + " was interrupted");
      }
      try {
        return body.get();
      } finally {
        lock.unlock();
      }
    }
  }
}
