package dev.retainerd.shim.posix;

/**
 * Files, pipes and descriptors. Thread-safe. Descriptors are plain numbers, always close-on-exec.
 * Calls of the data path answer a negative errno instead of throwing, because "try again" is their
 * daily bread.
 */
public final class Posix {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0100;
  public static final int O_NOCTTY = 0400;
  public static final int O_TRUNC = 01000;
  public static final int O_APPEND = 02000;
  public static final int O_NONBLOCK = 04000;
  private static final int O_CLOEXEC = 02000000;

  public static final int POLLIN = 1;
  public static final int POLLOUT = 4;
  public static final int POLLERR = 8;
  public static final int POLLHUP = 16;
  public static final int POLLPRI = 2;

  private static final int LOCK_EX_NB = 2 | 4;
  private static final int SPLICE_F_MOVE_NONBLOCK = 1 | 2;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_SETPIPE_SZ = 1031;

  private static final long OPEN = Native.symbol("open64");
  private static final long CLOSE = Native.symbol("close");
  private static final long UMASK = Native.symbol("umask");
  private static final long READ = Native.symbol("read");
  private static final long WRITE = Native.symbol("write");
  private static final long PREAD = Native.symbol("pread64");
  private static final long SPLICE = Native.symbol("splice");
  private static final long TEE = Native.symbol("tee");
  private static final long FTRUNCATE = Native.symbol("ftruncate64");
  private static final long FSYNC = Native.symbol("fsync");
  private static final long MKFIFO = Native.symbol("mkfifo");
  private static final long LCHOWN = Native.symbol("lchown");
  private static final long POLL = Native.symbol("poll");
  private static final long FCNTL = Native.symbol("fcntl64");
  private static final long IOCTL = Native.symbol("ioctl");
  private static final long FSTAT = Native.symbol("fstat64");
  private static final long PIPE2 = Native.symbol("pipe2");
  private static final long FLOCK = Native.symbol("flock");
  private static final long EVENTFD = Native.symbol("eventfd");

  private Posix() {}

  public static int open(String path, int flags, int mode) throws PosixException {
    int fd = tryOpen(path, flags, mode);
    if (fd < 0) {
      throw new PosixException("cannot open " + path, -fd);
    }
    return fd;
  }

  /** A descriptor, or a negative errno. */
  public static int tryOpen(String path, int flags, int mode) {
    long name = Native.string(path);
    try {
      int fd = (int) Native.call(OPEN, name, flags | O_CLOEXEC, mode);
      return fd < 0 ? -Native.errno() : fd;
    } finally {
      Native.free(name);
    }
  }

  /** Sets the permissions that new files of this process do not get; returns the former ones. */
  public static int umask(int mask) {
    return (int) Native.call(UMASK, mask);
  }

  /** Closes; a negative number is no descriptor and is passed over. */
  public static void close(int fd) {
    if (fd >= 0) {
      Native.call(CLOSE, fd);
    }
  }

  /** Bytes read into {@code buffer}, 0 at the end, or a negative errno. */
  public static long read(int fd, NativeBuffer buffer, int offset, int length) {
    return result(Native.call(READ, fd, buffer.at(offset, length), length));
  }

  public static long write(int fd, NativeBuffer buffer, int offset, int length) {
    return result(Native.call(WRITE, fd, buffer.at(offset, length), length));
  }

  public static long pread(int fd, NativeBuffer buffer, int offset, int length, long position) {
    return result(Native.call(PREAD, fd, buffer.at(offset, length), length, position));
  }

  /** Writes a few bytes whole or throws; for eventfd and control files. */
  public static void writeAll(int fd, byte[] bytes) throws PosixException {
    long memory = Native.allocate(Math.max(8, bytes.length));
    try {
      Native.MEMORY.putByteArray(memory, bytes, 0, bytes.length);
      long written = result(Native.call(WRITE, fd, memory, bytes.length));
      if (written != bytes.length) {
        throw new PosixException("cannot write " + bytes.length + " bytes", (int) -written);
      }
    } finally {
      Native.free(memory);
    }
  }

  /**
   * Moves bytes between a pipe and another descriptor inside the kernel, without waiting.
   *
   * @param position where to write in a file, or -1 where the target has no positions
   * @return bytes moved, 0 at the end, or a negative errno
   */
  public static long splice(int from, int to, long position, long length) {
    if (position < 0) {
      return result(Native.call(SPLICE, from, 0, to, 0, length, SPLICE_F_MOVE_NONBLOCK));
    }
    long offset = Native.allocate(8);
    try {
      Native.MEMORY.putLong(offset, position);
      return result(Native.call(SPLICE, from, 0, to, offset, length, SPLICE_F_MOVE_NONBLOCK));
    } finally {
      Native.free(offset);
    }
  }

  /**
   * Copies what waits in a pipe into another pipe, without taking it out of the first and without
   * waiting.
   *
   * @return bytes copied, always the first ones; 0 when the pipe has ended, or a negative errno
   */
  public static long tee(int from, int to, long length) {
    return result(Native.call(TEE, from, to, length, SPLICE_F_MOVE_NONBLOCK));
  }

  public static void truncate(int fd, long size) throws PosixException {
    check("cannot cut a file to " + size + " bytes", Native.call(FTRUNCATE, fd, size));
  }

  public static void sync(int fd) throws PosixException {
    check("cannot sync a file", Native.call(FSYNC, fd));
  }

  /** Locks a file or folder for this descriptor, until it is closed; false where another has it. */
  public static boolean tryLock(int fd) {
    return (int) Native.call(FLOCK, fd, LOCK_EX_NB) == 0;
  }

  /** Makes a FIFO for its owner only; one that exists already is kept. */
  public static void makeFifo(String path) throws PosixException {
    long name = Native.string(path);
    try {
      if ((int) Native.call(MKFIFO, name, 0600) < 0 && Native.errno() != Errno.EEXIST) {
        throw new PosixException("cannot make the FIFO " + path, Native.errno());
      }
    } finally {
      Native.free(name);
    }
  }

  /** Gives a file to another user and group; a link itself, not where it leads. */
  public static void chown(String path, int uid, int gid) throws PosixException {
    long name = Native.string(path);
    try {
      check("cannot give " + path + " to " + uid, (int) Native.call(LCHOWN, name, uid, gid));
    } finally {
      Native.free(name);
    }
  }

  /** What {@code poll} says of one descriptor; 0 when the time is over. */
  public static int poll(int fd, int events, int timeoutMillis) {
    long entry = Native.allocate(8);
    try {
      Native.MEMORY.putInt(entry, fd);
      Native.MEMORY.putShort(entry + 4, (short) events);
      long count = (int) Native.call(POLL, entry, 1, timeoutMillis);
      return count <= 0 ? 0 : Native.MEMORY.getShort(entry + 6) & 0xffff;
    } finally {
      Native.free(entry);
    }
  }

  public static int duplicate(int fd) throws PosixException {
    return (int) check("cannot duplicate a descriptor", Native.call(FCNTL, fd, F_DUPFD_CLOEXEC, 3));
  }

  public static void setBlocking(int fd, boolean blocking) throws PosixException {
    long flags = check("cannot read a descriptor's flags", Native.call(FCNTL, fd, F_GETFL, 0));
    long wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    check("cannot set a descriptor's flags", Native.call(FCNTL, fd, F_SETFL, wanted));
  }

  /** Asks for a larger pipe; what the kernel does not grant is done without. */
  public static void growPipe(int fd, int bytes) {
    Native.call(FCNTL, fd, F_SETPIPE_SZ, bytes);
  }

  public static long ioctl(int fd, long request, long argument) {
    return result((int) Native.call(IOCTL, fd, request, argument));
  }

  public static void resizeTerminal(int fd, int width, int height) throws PosixException {
    long size = Native.allocate(8);
    try {
      Native.MEMORY.putShort(size, (short) height);
      Native.MEMORY.putShort(size + 2, (short) width);
      check("cannot resize a terminal", Native.call(IOCTL, fd, 0x5414, size));
    } finally {
      Native.free(size);
    }
  }

  /** Size and identity of an open file. */
  public record Status(long device, long inode, long size) {}

  public static Status status(int fd) throws PosixException {
    long memory = Native.allocate(256);
    try {
      check("cannot ask for a file's status", Native.call(FSTAT, fd, memory));
      return new Status(
          Native.MEMORY.getLong(memory),
          Native.MEMORY.getLong(memory + 8),
          Native.MEMORY.getLong(memory + 48));
    } finally {
      Native.free(memory);
    }
  }

  /** An anonymous pipe: {read end, write end}. */
  public static int[] pipe() throws PosixException {
    long memory = Native.allocate(8);
    try {
      check("cannot make a pipe", Native.call(PIPE2, memory, O_CLOEXEC));
      return new int[] {Native.MEMORY.getInt(memory), Native.MEMORY.getInt(memory + 4)};
    } finally {
      Native.free(memory);
    }
  }

  /** An event counter that never blocks. */
  public static int eventCounter() throws PosixException {
    return (int) check("cannot make an eventfd", Native.call(EVENTFD, 0, O_CLOEXEC | O_NONBLOCK));
  }

  static long result(long value) {
    return value < 0 ? -Native.errno() : value;
  }

  static long check(String what, long value) throws PosixException {
    if ((int) value < 0) {
      throw new PosixException(what, Native.errno());
    }
    return (int) value;
  }
}
