package dev.retainerd.runtime.linux;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * Signals and reaping of processes that are named by their identity, never by a pid alone.
 * Thread-safe.
 */
public final class Processes {
  public static final int SIGHUP = 1;
  public static final int SIGINT = 2;
  public static final int SIGQUIT = 3;
  public static final int SIGKILL = 9;
  public static final int SIGTERM = 15;

  private static final int PR_SET_CHILD_SUBREAPER = 36;
  private static final int P_PID = 1;
  private static final int WNOHANG = 1;
  private static final int WEXITED = 4;
  private static final int SIGINFO_BYTES = 128;
  private static final int SIGINFO_CODE = 8;
  private static final int SIGINFO_PID = 16;
  private static final int SIGINFO_STATUS = 24;
  private static final int CLD_EXITED = 1;

  private Processes() {}

  /**
   * Sends a signal to exactly this process.
   *
   * <p>A pidfd is opened first and the start time compared after: from then on the handle can mean
   * no other process, so a pid that was recycled is never hit.
   *
   * @return false if the process is gone, whoever may have its pid now
   */
  public static boolean signal(ProcessIdentity process, int signal) throws IOException {
    try (NativeFile handle = open(process)) {
      if (handle == null) {
        return false;
      }
      Libc.systemCall(
          "pidfd_send_signal",
          "signal " + signal + " to process " + process.pid(),
          Libc.SystemCallNumber.PIDFD_SEND_SIGNAL,
          handle.descriptor(),
          signal,
          0,
          0,
          0);
      return true;
    } catch (SystemCallException e) {
      if (e.is(Errno.ESRCH)) {
        return false;
      }
      throw e;
    }
  }

  /**
   * A copy of another process's open file (pidfd_getfd), such as a pty that its shim holds.
   *
   * @return null if the process is gone
   */
  public static NativeFile copyDescriptor(ProcessIdentity process, int descriptor)
      throws IOException {
    try (NativeFile handle = open(process)) {
      if (handle == null) {
        return null;
      }
      Path name = Path.of("/proc/" + process.pid() + "/fd/" + descriptor);
      int copy =
          Libc.systemCall(
              "pidfd_getfd",
              name.toString(),
              Libc.SystemCallNumber.PIDFD_GETFD,
              handle.descriptor(),
              descriptor,
              0,
              0,
              0);
      return new NativeFile(copy, name);
    }
  }

  /** A pidfd of exactly this process; null if it is gone. The caller closes it. */
  public static NativeFile open(ProcessIdentity process) throws IOException {
    if (process.pid() <= 0) {
      return null;
    }
    int fd;
    try {
      fd =
          Libc.systemCall(
              "pidfd_open",
              "process " + process.pid(),
              Libc.SystemCallNumber.PIDFD_OPEN,
              process.pid(),
              0,
              0,
              0,
              0);
    } catch (SystemCallException e) {
      // EINVAL: the number belongs to a thread that leads no process, so to a stranger.
      if (e.is(Errno.ESRCH) || e.is(Errno.EINVAL)) {
        return null;
      }
      throw e;
    }
    NativeFile handle = new NativeFile(fd, Path.of("/proc/" + process.pid()));
    boolean keep = false;
    try {
      keep = ProcessIdentity.isSame(process);
    } finally {
      if (!keep) {
        handle.close();
      }
    }
    return keep ? handle : null;
  }

  /** From now on orphans among our descendants become our children, and are ours to reap. */
  public static void becomeSubreaper() throws SystemCallException {
    Libc.call("prctl", "PR_SET_CHILD_SUBREAPER", Libc.PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }

  /**
   * Reaps one child of ours if it has exited; does not wait. Only for children that no
   * java.lang.Process stands for.
   *
   * @return the exit status, 128 + signal for a killed one; empty if it still runs or is no child
   */
  public static OptionalInt reapIfExited(int pid) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      long info = memory.block(SIGINFO_BYTES);
      Libc.call("waitid", "process " + pid, Libc.WAITID, P_PID, pid, info, WEXITED | WNOHANG, 0);
      if (NativeMemory.getInt(info + SIGINFO_PID) == 0) {
        return OptionalInt.empty();
      }
      int status = NativeMemory.getInt(info + SIGINFO_STATUS);
      boolean exited = NativeMemory.getInt(info + SIGINFO_CODE) == CLD_EXITED;
      return OptionalInt.of(exited ? status : 128 + status);
    } catch (SystemCallException e) {
      if (e.is(Errno.ECHILD)) {
        return OptionalInt.empty();
      }
      throw e;
    }
  }
}
