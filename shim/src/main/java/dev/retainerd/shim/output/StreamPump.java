package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;

/**
 * Moves one stream from its pipe into its sink for as long as there is one. Belongs to the loop's
 * thread.
 *
 * <p>The pipe is opened for reading only, while the container holds it for reading and writing: so
 * the container survives us, and we see the end when its last holder is gone.
 */
final class StreamPump implements EventLoop.Ready {
  private static final int ROUNDS_PER_TURN = 16;
  private static final long RETRY_MILLIS = 100;

  private enum State {
    FLOWING,
    BLOCKED,
    ENDED
  }

  private final EventLoop loop;
  private final int pipe;
  private final Sink sink;
  private State state = State.FLOWING;
  private boolean closed;
  private long moved;

  StreamPump(EventLoop loop, int pipe, Sink sink) {
    this.loop = loop;
    this.pipe = pipe;
    this.sink = sink;
  }

  void start() throws PosixException {
    loop.watch(pipe, Epoll.IN, this);
  }

  @Override
  public void ready(int events) {
    turn();
  }

  /** Moves some; true when the pipe is empty or at its end. */
  boolean turn() {
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
      if (closed || state == State.ENDED) {
        return true;
      }
      long count = sink.take(pipe);
      if (count > 0) {
        moved += count;
        unblock();
      } else if (count == Sink.FULL) {
        block();
        return false;
      } else if (count == -Errno.EAGAIN) {
        unblock();
        return true;
      } else {
        // 0 is the end; any other error means that this pipe gives nothing any more.
        end();
        return true;
      }
    }
    return false;
  }

  private void block() {
    if (state == State.BLOCKED) {
      return;
    }
    state = State.BLOCKED;
    loop.forget(pipe);
    int writable = sink.blockedOn();
    try {
      if (writable >= 0) {
        loop.watch(writable, Epoll.OUT, this);
        return;
      }
    } catch (PosixException e) {
      // Then by time.
    }
    loop.after(RETRY_MILLIS, this::retry);
  }

  private void retry() {
    if (state == State.BLOCKED && !closed) {
      turn();
      if (state == State.BLOCKED) {
        loop.after(RETRY_MILLIS, this::retry);
      }
    }
  }

  private void unblock() {
    if (state != State.BLOCKED) {
      return;
    }
    state = State.FLOWING;
    if (sink.blockedOn() >= 0) {
      loop.forget(sink.blockedOn());
    }
    try {
      loop.watch(pipe, Epoll.IN, this);
    } catch (PosixException e) {
      end();
    }
  }

  private void end() {
    if (sink.blockedOn() >= 0) {
      loop.forget(sink.blockedOn());
    }
    loop.forget(pipe);
    state = State.ENDED;
    sink.flush();
    if (sink instanceof FifoSink) {
      // Its reader waits for the end.
      sink.close();
    }
  }

  boolean ended() {
    return state == State.ENDED;
  }

  /** The process is gone and its pipe empty: what waits for more bytes need not wait. */
  boolean flush() {
    return sink.flush();
  }

  long moved() {
    return moved;
  }

  int pipe() {
    return pipe;
  }

  void close() {
    if (closed) {
      return;
    }
    closed = true;
    loop.forget(pipe);
    if (sink.blockedOn() >= 0) {
      loop.forget(sink.blockedOn());
    }
    sink.flush();
    sink.close();
    Posix.close(pipe);
  }
}
