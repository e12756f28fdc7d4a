package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import dev.retainerd.runtime.error.Refusal;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Streams that clients have opened for a transfer to use, by namespace and id. Thread-safe; their
 * number is bounded.
 */
final class Streams {
  private static final int STREAMS_MAX = 256;

  /** A peer that neither sends nor takes anything for so long is given up. */
  private static final Duration STALL = Duration.ofMinutes(10);

  private final Map<String, Duplex> open = new HashMap<>();

  /** One stream; one thread receives and one sends at a time. */
  static final class Duplex {
    private final ServerCallStreamObserver<Any> out;
    private final LinkedBlockingQueue<Optional<Any>> received = new LinkedBlockingQueue<>();
    private final Semaphore changed = new Semaphore(0);
    private volatile boolean ended;

    Duplex(ServerCallStreamObserver<Any> out) {
      this.out = out;
    }

    void ready() {
      changed.release();
    }

    /** From the client; the next one is asked for when this one is taken. */
    void arrived(Any message) {
      received.add(Optional.of(message));
    }

    void end() {
      ended = true;
      received.add(Optional.empty());
      changed.release();
    }

    /** The next message; empty after the last. */
    Optional<Any> receive() throws InterruptedException {
      if (ended && received.isEmpty()) {
        return Optional.empty();
      }
      Optional<Any> next = received.poll(STALL.toMillis(), TimeUnit.MILLISECONDS);
      if (next == null) {
        throw Refusal.deadlineExceeded(
            "the client's stream has been silent for " + STALL.toMinutes() + " minutes");
      }
      if (next.isPresent()) {
        out.request(1);
      }
      return next;
    }

    /** What has come and was not taken yet, without waiting. */
    Optional<Any> poll() {
      Optional<Any> next = received.poll();
      if (next == null || next.isEmpty()) {
        return Optional.empty();
      }
      out.request(1);
      return next;
    }

    /** Sends when the client takes more. */
    void send(Any message) throws InterruptedException {
      while (!out.isReady()) {
        if (out.isCancelled()) {
          throw Refusal.cancelled("the client has ended its stream");
        }
        if (!changed.tryAcquire(STALL.toMillis(), TimeUnit.MILLISECONDS) && !out.isReady()) {
          throw Refusal.deadlineExceeded(
              "the client has taken nothing for " + STALL.toMinutes() + " minutes");
        }
      }
      synchronized (out) {
        out.onNext(message);
      }
    }

    /** Sends if the client takes it now; else drops it: progress is soon told anew. */
    void offer(Any message) {
      if (out.isReady() && !out.isCancelled()) {
        synchronized (out) {
          out.onNext(message);
        }
      }
    }

    void close() {
      if (!out.isCancelled()) {
        synchronized (out) {
          out.onCompleted();
        }
      }
    }
  }

  void register(String namespace, String id, Duplex stream) {
    synchronized (open) {
      if (open.size() >= STREAMS_MAX) {
        throw Refusal.resourceExhausted(STREAMS_MAX + " streams are open already; end some first");
      }
      if (open.putIfAbsent(namespace + "/" + id, stream) != null) {
        throw Refusal.alreadyExists("stream \"" + id + "\" exists already");
      }
    }
  }

  void unregister(String namespace, String id) {
    synchronized (open) {
      open.remove(namespace + "/" + id);
    }
  }

  Duplex get(String namespace, String id) {
    synchronized (open) {
      Duplex stream = open.get(namespace + "/" + id);
      if (stream == null) {
        throw Refusal.notFound("stream \"" + id + "\" is not open; open it before the transfer");
      }
      return stream;
    }
  }
}
