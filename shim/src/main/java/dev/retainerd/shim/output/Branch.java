package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;

/**
 * A client that is attached to a running stream: it gets a copy of the bytes while they wait in the
 * pipe, inside the kernel, before they are moved on. So the way of the bytes into the log stays the
 * one that no death of this process can break. Belongs to the loop's thread.
 */
final class Branch {
  /** Nobody reads any more. */
  static final long GONE = Long.MIN_VALUE + 1;

  private static final int PIPE_BYTES = 1 << 20;

  private final int fd;

  /** Bytes at the pipe's head that were copied and not moved on yet. */
  private long ahead;

  private long copied;

  /** Opens the FIFO; for writing only, so that the end of its reader shows. */
  Branch(String fifo) throws PosixException {
    fd = Posix.open(fifo, Posix.O_WRONLY | Posix.O_NONBLOCK, 0);
    Posix.growPipe(fd, PIPE_BYTES);
  }

  /**
   * Copies what it does not have yet.
   *
   * @return how many of the pipe's first bytes it has; 0 when the pipe has ended, -EAGAIN when it
   *     is empty, {@link Sink#FULL} or {@link #GONE}
   */
  long copy(int pipe, long most) {
    if (ahead > 0) {
      return ahead;
    }
    long count = Posix.tee(pipe, fd, most);
    if (count > 0) {
      ahead = count;
      copied += count;
    } else if (count == -Errno.EAGAIN) {
      boolean waits = (Posix.poll(pipe, Posix.POLLIN, 0) & Posix.POLLIN) != 0;
      return waits ? (isGone() ? GONE : Sink.FULL) : count;
    } else if (count < 0) {
      return GONE;
    }
    return count;
  }

  private boolean isGone() {
    return (Posix.poll(fd, Posix.POLLOUT, 0) & Posix.POLLERR) != 0;
  }

  /** So many bytes have left the pipe. */
  void passed(long count) {
    ahead -= count;
  }

  long copied() {
    return copied;
  }

  int descriptor() {
    return fd;
  }

  void close() {
    Posix.close(fd);
  }
}
