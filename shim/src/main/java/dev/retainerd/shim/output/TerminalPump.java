package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.NativeBuffer;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;

/**
 * Moves what a terminal shows into the FIFO that the process's {@link StreamPump} empties, by
 * splice as well, so that one path serves both kinds of process; and what a client types into the
 * terminal. Belongs to the loop's thread.
 */
final class TerminalPump implements EventLoop.Ready {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int TYPED_BYTES = 4 << 10;
  private static final NativeBuffer TYPED = new NativeBuffer(TYPED_BYTES);
  private static final long RETRY_MILLIS = 5;

  private final EventLoop loop;
  private final int master;
  private final int stage;
  private final StreamPump onward;
  private final int input;
  private byte[] untaken = new byte[0];
  private boolean ended;
  private boolean closed;

  /**
   * @param stage the FIFO, open for writing
   * @param onward null when nobody wants what is shown
   * @param input the client's FIFO, or -1
   */
  TerminalPump(EventLoop loop, int master, int stage, StreamPump onward, int input) {
    this.loop = loop;
    this.master = master;
    this.stage = stage;
    this.onward = onward;
    this.input = input;
  }

  void start() throws PosixException {
    Posix.setBlocking(master, false);
    loop.watch(master, Epoll.IN, this);
    if (input >= 0) {
      loop.watch(input, Epoll.IN, this::typed);
    }
  }

  @Override
  public void ready(int events) {
    turn();
  }

  /** Moves what the terminal has; true when it has nothing more. */
  boolean turn() {
    while (!ended && !closed) {
      long count = Posix.splice(master, stage, -1, CHUNK_BYTES);
      if (onward != null) {
        onward.turn();
      } else {
        discard();
      }
      if (count > 0) {
        continue;
      }
      if (count == -Errno.EAGAIN) {
        boolean more = (Posix.poll(master, Posix.POLLIN, 0) & Posix.POLLIN) != 0;
        if (more) {
          // The stage is full because its sink is: look again a little later.
          loop.forget(master);
          loop.after(RETRY_MILLIS, this::again);
        }
        return !more;
      }
      // EIO: the last process of the terminal has closed it.
      ended = true;
      loop.forget(master);
    }
    return true;
  }

  private void discard() {
    while (Posix.read(stage, TYPED, 0, TYPED_BYTES) > 0) {
      // Nobody wants it.
    }
  }

  private void again() {
    if (!closed && !ended) {
      try {
        loop.watch(master, Epoll.IN, this);
      } catch (PosixException e) {
        ended = true;
      }
    }
  }

  private void typed(int events) {
    if (closed) {
      return;
    }
    if (untaken.length > 0) {
      TYPED.put(0, untaken, 0, untaken.length);
      offer(untaken.length);
      return;
    }
    long count = Posix.read(input, TYPED, 0, TYPED_BYTES);
    if (count > 0) {
      offer((int) count);
    } else if (count == 0 || count != -Errno.EAGAIN) {
      loop.forget(input);
    }
  }

  private void offer(int length) {
    long taken = Math.max(0, Posix.write(master, TYPED, 0, length));
    int left = length - (int) taken;
    untaken = new byte[left];
    TYPED.get((int) taken, untaken, 0, left);
    if (left > 0 && !ended) {
      loop.forget(input);
      loop.after(RETRY_MILLIS * 4, this::typeAgain);
    }
  }

  private void typeAgain() {
    if (closed || ended) {
      return;
    }
    try {
      loop.watch(input, Epoll.IN, this::typed);
      typed(0);
    } catch (PosixException e) {
      ended = true;
    }
  }

  int master() {
    return master;
  }

  /** A terminal that has ended has no size, and its number may be another descriptor's by now. */
  void resize(int width, int height) throws PosixException {
    if (!closed) {
      Posix.resizeTerminal(master, width, height);
    }
  }

  void close() {
    if (closed) {
      return;
    }
    closed = true;
    loop.forget(master);
    loop.forget(input);
    Posix.close(master);
    Posix.close(input);
    Posix.close(stage);
  }
}
