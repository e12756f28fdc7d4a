package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Moves one stream from its pipe into its sink for as long as there is one, and gives those who are
 * attached a copy of what passes. Belongs to the loop's thread.
 *
 * <p>The pipe is opened for reading only, while the container holds it for reading and writing: so
 * the container survives us, and we see the end when its last holder is gone.
 */
final class StreamPump implements EventLoop.Ready {
  private static final int ROUNDS_PER_TURN = 16;
  private static final long RETRY_MILLIS = 100;
  private static final long MOST_BYTES = 1 << 20;

  /** An attached client that takes nothing for so long is dropped: the container goes on. */
  private static final long PATIENCE_MILLIS = 10_000;

  private static final int MOST_BRANCHES = 32;

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
  private final List<Branch> branches = new ArrayList<>();

  /** The descriptor that is watched while blocked; -1: none. */
  private int waitingFor = -1;

  /** The attached client that does not take its copy; null: none. */
  private Branch slow;

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

  /**
   * Gives a FIFO that somebody reads a copy of all that comes from now on.
   *
   * @throws PosixException where nobody reads it, or too many are attached
   */
  void attach(String fifo) throws PosixException {
    if (branches.size() >= MOST_BRANCHES) {
      throw new PosixException(MOST_BRANCHES + " clients are attached already", Errno.EAGAIN);
    }
    Branch branch = new Branch(fifo);
    if (closed || state == State.ENDED) {
      branch.close();
    } else {
      branches.add(branch);
    }
  }

  /** As {@link Sink#take}: first a copy to each who is attached, then exactly that much onward. */
  private long take() {
    long most = MOST_BYTES;
    slow = null;
    for (Iterator<Branch> all = branches.iterator(); all.hasNext(); ) {
      Branch branch = all.next();
      long has = branch.copy(pipe, MOST_BYTES);
      if (has == Branch.GONE) {
        branch.close();
        all.remove();
      } else if (has == Sink.FULL) {
        slow = branch;
        return Sink.FULL;
      } else {
        most = Math.min(most, has);
      }
    }
    if (most <= 0) {
      return most;
    }
    long count = sink.take(pipe, most);
    if (count > 0) {
      for (Branch branch : branches) {
        branch.passed(count);
      }
    }
    return count;
  }

  /** Moves some; true when the pipe is empty or at its end. */
  boolean turn() {
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
      if (closed || state == State.ENDED) {
        return true;
      }
      long count = take();
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
    int writable = slow == null ? sink.blockedOn() : slow.descriptor();
    if (slow != null) {
      Branch blocking = slow;
      long copied = blocking.copied();
      loop.after(PATIENCE_MILLIS, () -> dropIfStuck(blocking, copied));
    }
    try {
      if (writable >= 0) {
        loop.watch(writable, Epoll.OUT, this);
        waitingFor = writable;
        return;
      }
    } catch (PosixException e) {
      // Then by time.
    }
    loop.after(RETRY_MILLIS, this::retry);
  }

  private void dropIfStuck(Branch branch, long copied) {
    if (!closed && branches.contains(branch) && slow == branch && branch.copied() == copied) {
      forgetWaiting();
      branches.remove(branch);
      branch.close();
      turn();
    }
  }

  private void forgetWaiting() {
    if (waitingFor >= 0) {
      loop.forget(waitingFor);
      waitingFor = -1;
    }
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
    forgetWaiting();
    try {
      loop.watch(pipe, Epoll.IN, this);
    } catch (PosixException e) {
      end();
    }
  }

  private void end() {
    forgetWaiting();
    loop.forget(pipe);
    closeBranches();
    state = State.ENDED;
    sink.flush();
    if (sink instanceof FifoSink) {
      // Its reader waits for the end.
      sink.close();
    }
  }

  private void closeBranches() {
    branches.forEach(Branch::close);
    branches.clear();
  }

  boolean ended() {
    return state == State.ENDED;
  }

  /** As {@link Sink#spool}. */
  boolean spool() {
    return state == State.ENDED || sink.spool(pipe);
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
    forgetWaiting();
    closeBranches();
    sink.flush();
    sink.close();
    Posix.close(pipe);
  }
}
