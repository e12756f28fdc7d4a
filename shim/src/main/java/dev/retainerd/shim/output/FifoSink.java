package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.nio.file.Path;

/**
 * A client's FIFO. It is opened for reading too: without that, opening waits for a reader, and a
 * reader that went away would raise EPIPE; containerd does the same. Bytes go from pipe to pipe
 * inside the kernel.
 */
final class FifoSink implements Sink {
  private static final int CHUNK_BYTES = 1 << 20;

  private int fd;

  FifoSink(Path path) throws PosixException {
    fd = Posix.open(path.toString(), Posix.O_RDWR | Posix.O_NONBLOCK, 0);
  }

  @Override
  public long take(int pipe, long most) {
    long moved = Posix.splice(pipe, fd, -1, Math.min(most, CHUNK_BYTES));
    if (moved == -Errno.EAGAIN && (Posix.poll(pipe, Posix.POLLIN, 0) & Posix.POLLIN) != 0) {
      return FULL;
    }
    return moved;
  }

  @Override
  public int blockedOn() {
    return fd;
  }

  @Override
  public boolean flush() {
    return true;
  }

  @Override
  public void close() {
    Posix.close(fd);
    fd = -1;
  }
}
