package dev.retainerd.runtime.linux;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.LastError;
import com.kenai.jffi.Library;
import com.kenai.jffi.Type;

/**
 * The one door to the C library, by jffi: symbol look-up, the call, and errno.
 *
 * <p>Every function is called with six machine words. On the two calling conventions Linux has for
 * 64-bit machines of interest (x86-64, arm64) integers and pointers travel in registers, so unused
 * words are ignored by the callee and one call description serves all. jffi is used directly and
 * not through jnr-posix, because that generates code at run time, which no AOT cache can hold.
 *
 * <p>Thread-safe. errno belongs to the carrier thread; nothing between a call and the reading of it
 * may block, or a virtual thread would read another thread's.
 */
final class Libc {
  private static final Library LIBRARY = Library.getDefault();
  private static final Invoker INVOKER = Invoker.getInstance();
  private static final LastError ERRNO = LastError.getInstance();
  private static final CallContext SIX_WORDS =
      CallContext.getCallContext(
          Type.SLONG,
          new Type[] {Type.SLONG, Type.SLONG, Type.SLONG, Type.SLONG, Type.SLONG, Type.SLONG},
          CallingConvention.DEFAULT,
          true);

  static final long MOUNT = symbol("mount");
  static final long UMOUNT2 = symbol("umount2");
  static final long UNSHARE = symbol("unshare");
  static final long SETNS = symbol("setns");
  static final long SETHOSTNAME = symbol("sethostname");
  static final long PRCTL = symbol("prctl");
  static final long OPEN = symbol("open");
  static final long CLOSE = symbol("close");
  static final long FLOCK = symbol("flock");
  static final long MKFIFO = symbol("mkfifo");
  static final long LCHOWN = symbol("lchown");
  static final long CHMOD = symbol("chmod");
  static final long LSETXATTR = symbol("lsetxattr");
  static final long LGETXATTR = symbol("lgetxattr");
  static final long LLISTXATTR = symbol("llistxattr");
  static final long LREMOVEXATTR = symbol("lremovexattr");
  static final long UTIMENSAT = symbol("utimensat");
  static final long SYNCFS = symbol("syncfs");
  static final long SOCKET = symbol("socket");
  static final long IOCTL = symbol("ioctl");
  static final long WAITID = symbol("waitid");
  static final long SYSCALL = symbol("syscall");
  static final long EXIT = symbol("_exit");

  private Libc() {}

  private static long symbol(String name) {
    long address = LIBRARY.getSymbolAddress(name);
    if (address == 0) {
      throw new UnsatisfiedLinkError("the C library has no function " + name);
    }
    return address;
  }

  /** The raw result; for functions that return an int the upper half is not defined. */
  static long raw(long function, long a, long b, long c, long d, long e, long f) {
    return INVOKER.invokeN6(SIX_WORDS, function, a, b, c, d, e, f);
  }

  /** Calls a function that returns an int, -1 meaning failure. EINTR is retried. */
  static int call(
      String name, String subject, long function, long a, long b, long c, long d, long e)
      throws SystemCallException {
    while (true) {
      int result = (int) raw(function, a, b, c, d, e, 0);
      if (result != -1) {
        return result;
      }
      int errno = ERRNO.get();
      if (errno != Errno.EINTR.number()) {
        throw new SystemCallException(name, subject, errno);
      }
    }
  }

  static int call(String name, String subject, long function, long a) throws SystemCallException {
    return call(name, subject, function, a, 0, 0, 0, 0);
  }

  static int call(String name, String subject, long function, long a, long b)
      throws SystemCallException {
    return call(name, subject, function, a, b, 0, 0, 0);
  }

  static int call(String name, String subject, long function, long a, long b, long c)
      throws SystemCallException {
    return call(name, subject, function, a, b, c, 0, 0);
  }

  static int call(String name, String subject, long function, long a, long b, long c, long d)
      throws SystemCallException {
    return call(name, subject, function, a, b, c, d, 0);
  }

  /** Calls a function that returns a ssize_t, -1 meaning failure. EINTR is retried. */
  static long callForSize(
      String name, String subject, long function, long a, long b, long c, long d)
      throws SystemCallException {
    while (true) {
      long result = raw(function, a, b, c, d, 0, 0);
      if (result != -1) {
        return result;
      }
      int errno = ERRNO.get();
      if (errno != Errno.EINTR.number()) {
        throw new SystemCallException(name, subject, errno);
      }
    }
  }

  /** Calls the kernel by number, for calls that the C library of Debian 12 does not wrap. */
  static int systemCall(
      String name, String subject, SystemCallNumber number, long a, long b, long c, long d, long e)
      throws SystemCallException {
    while (true) {
      long result = raw(SYSCALL, number.value(), a, b, c, d, e);
      if (result != -1) {
        return (int) result;
      }
      int errno = ERRNO.get();
      if (errno != Errno.EINTR.number()) {
        throw new SystemCallException(name, subject, errno);
      }
    }
  }

  /** close(2) without an error: what was opened is gone either way, also after EINTR. */
  static void close(int descriptor) {
    raw(CLOSE, descriptor, 0, 0, 0, 0, 0);
  }

  /** Numbers of calls that are the same on x86-64 and arm64, except where said. */
  enum SystemCallNumber {
    PIDFD_SEND_SIGNAL(424),
    OPEN_TREE(428),
    MOVE_MOUNT(429),
    PIDFD_OPEN(434),
    OPENAT2(437),
    PIDFD_GETFD(438),
    MOUNT_SETATTR(442),
    MKNODAT(machine(259, 33)),
    RENAMEAT2(machine(316, 276)),
    STATFS(machine(137, 43));

    private final int value;

    SystemCallNumber(int value) {
      this.value = value;
    }

    int value() {
      return value;
    }

    private static int machine(int x86, int arm) {
      return System.getProperty("os.arch").equals("aarch64") ? arm : x86;
    }
  }
}
