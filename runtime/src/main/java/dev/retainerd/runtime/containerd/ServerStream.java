package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * The answers of a streaming call, at the pace of its client. The body runs on a thread of its own,
 * because gRPC tells of readiness and of the client's departure on the call's own thread, which
 * must stay free for it.
 *
 * @param <R> what is sent
 */
final class ServerStream<R> {
  /** A client that takes nothing for so long is given up. */
  private static final Duration STALL = Duration.ofMinutes(10);

  /** Sends what there is to send; returning ends the stream well. */
  @FunctionalInterface
  interface Body<R> {
    void run(ServerStream<R> stream) throws InterruptedException;
  }

  private final ServerCallStreamObserver<R> response;
  private final Semaphore changed = new Semaphore(0);

  private ServerStream(ServerCallStreamObserver<R> response) {
    this.response = response;
  }

  /** Starts the body; to be called on the call's thread, before the handler returns. */
  static <R> void start(StreamObserver<R> response, String name, Body<R> body) {
    var observer = (ServerCallStreamObserver<R>) response;
    var stream = new ServerStream<>(observer);
    observer.setOnReadyHandler(stream.changed::release);
    Thread thread =
        Thread.ofVirtual().name(name).unstarted(Context.current().wrap(() -> stream.run(body)));
    observer.setOnCancelHandler(thread::interrupt);
    thread.start();
  }

  private void run(Body<R> body) {
    try {
      body.run(this);
      if (!response.isCancelled()) {
        response.onCompleted();
      }
    } catch (InterruptedException clientIsGone) {
      // Nobody is left to tell; the call is closed already.
      return;
    } catch (RuntimeException | Error e) {
      if (!response.isCancelled()) {
        response.onError(e);
      }
    }
  }

  /** Whether the client is gone. */
  boolean isOver() {
    return response.isCancelled();
  }

  /**
   * Sends one message, waiting until the client takes more.
   *
   * @throws InterruptedException if the client is gone
   * @throws Refusal DEADLINE_EXCEEDED if it takes nothing any more
   */
  void send(R message) throws InterruptedException {
    while (!response.isReady()) {
      if (response.isCancelled()) {
        throw new InterruptedException("the client is gone");
      }
      if (!changed.tryAcquire(STALL.toMillis(), TimeUnit.MILLISECONDS) && !response.isReady()) {
        throw Refusal.deadlineExceeded(
            "the client has taken nothing for %d s; subscribe or read again"
                .formatted(STALL.toSeconds()));
      }
    }
    response.onNext(message);
  }
}
