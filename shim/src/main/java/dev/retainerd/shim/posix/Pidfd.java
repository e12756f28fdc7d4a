package dev.retainerd.shim.posix;

/**
 * Handles of processes that outlive their pids, and the pin that outlives us: a bind mount of a
 * pidfd keeps the kernel's memory of the exit status (PIDFD_GET_INFO, Linux 6.15). Thread-safe.
 */
public final class Pidfd {
  private static final int SYS_PIDFD_OPEN = 434;
  private static final int SYS_PIDFD_GETFD = 438;
  private static final int SYS_PIDFD_SEND_SIGNAL = 424;
  private static final long PIDFD_GET_INFO = 0xC040FF0BL;
  private static final long PIDFD_INFO_EXIT = 8;
  private static final int INFO_BYTES = 64;
  private static final int EXIT_CODE_AT = 60;

  private Pidfd() {}

  /** A handle; it becomes readable when the process has ended. */
  public static int open(int pid) throws PosixException {
    return (int)
        Posix.check(
            "cannot open process " + pid, Native.call(Native.SYSCALL, SYS_PIDFD_OPEN, pid, 0));
  }

  public static int signal(int pidfd, int signal) {
    return (int) Native.call(Native.SYSCALL, SYS_PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0) < 0
        ? -Native.errno()
        : 0;
  }

  /** A duplicate of another process's descriptor, or a negative errno. */
  public static int copyDescriptor(int pidfd, int descriptor) {
    int copy = (int) Native.call(Native.SYSCALL, SYS_PIDFD_GETFD, pidfd, descriptor, 0);
    return copy < 0 ? -Native.errno() : copy;
  }

  /** Pins the handle on an existing file. */
  public static void pin(int pidfd, String path) throws PosixException {
    int copy = Mounts.copy("this kernel cannot pin a process", pidfd);
    try {
      Mounts.attach("cannot pin a process on " + path, copy, path);
    } finally {
      Posix.close(copy);
    }
  }

  /** What wait(2) would have given for a reaped process; -1 while it is not reaped or not known. */
  public static int exitCode(int pidfd) {
    long info = Native.allocate(INFO_BYTES + 64);
    try {
      Native.MEMORY.putLong(info, PIDFD_INFO_EXIT);
      if (Posix.ioctl(pidfd, PIDFD_GET_INFO, info) < 0
          || (Native.MEMORY.getLong(info) & PIDFD_INFO_EXIT) == 0) {
        return -1;
      }
      return Native.MEMORY.getInt(info + EXIT_CODE_AT);
    } finally {
      Native.free(info);
    }
  }
}
