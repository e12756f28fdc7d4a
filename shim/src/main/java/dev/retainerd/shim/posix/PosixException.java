package dev.retainerd.shim.posix;

import java.io.IOException;

/** A system call that failed, with its errno and what it was asked for. */
public final class PosixException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  public PosixException(String what, int errno) {
    super(what + ": " + Errno.text(errno));
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }
}
