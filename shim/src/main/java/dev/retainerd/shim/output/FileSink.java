package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.nio.file.Path;

/**
 * A file that takes the bytes as they are. The next position is the file's size, so that a
 * successor goes on exactly behind the last byte. Two streams into one file share one {@link
 * Target}.
 */
final class FileSink implements Sink {
  private static final int CHUNK_BYTES = 1 << 20;

  /** The open file, shared by the streams of one process. */
  static final class Target {
    private final int fd;
    private long position;
    private int users;

    Target(Path path) throws PosixException {
      fd = Posix.open(path.toString(), Posix.O_WRONLY | Posix.O_CREAT, 0640);
      position = Posix.status(fd).size();
    }
  }

  private final Target target;
  private boolean closed;

  FileSink(Target target) {
    this.target = target;
    target.users++;
  }

  @Override
  public long take(int pipe, long most) {
    long moved = Posix.splice(pipe, target.fd, target.position, Math.min(most, CHUNK_BYTES));
    if (moved > 0) {
      target.position += moved;
    }
    return moved == -Errno.ENOSPC || moved == -Errno.EDQUOT ? FULL : moved;
  }

  @Override
  public int blockedOn() {
    return -1;
  }

  @Override
  public boolean flush() {
    return true;
  }

  @Override
  public void close() {
    if (!closed && --target.users == 0) {
      Posix.close(target.fd);
    }
    closed = true;
  }
}
