package dev.retainerd.runtime.linux;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.LastError;
import com.kenai.jffi.Library;
import com.kenai.jffi.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The kernel's calls on names below an open directory, which the JDK does not offer: they cannot be
 * led astray by somebody who renames a parent meanwhile.
 *
 * <p>Names are bytes, as the kernel has them: an archive may hold names that are no valid UTF-8. A
 * directory is given by its descriptor, or {@link #CWD} for absolute names. Thread-safe; every call
 * throws {@link SystemCallException}. Semantics: the man pages of the calls of the same names.
 */
public final class DirectoryCalls {
  /** Instead of a directory's descriptor, with absolute names. */
  public static final int CWD = -100;

  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_TRUNC = 0x200;
  public static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;
  // These two differ between processor families.
  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
  public static final int O_DIRECTORY = ARM ? 0x4000 : 0x10000;
  public static final int O_NOFOLLOW = ARM ? 0x8000 : 0x20000;

  public static final int S_IFMT = 0xF000;
  public static final int S_IFIFO = 0x1000;
  public static final int S_IFCHR = 0x2000;
  public static final int S_IFDIR = 0x4000;
  public static final int S_IFBLK = 0x6000;
  public static final int S_IFREG = 0x8000;
  public static final int S_IFLNK = 0xA000;
  public static final int S_IFSOCK = 0xC000;

  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int AT_REMOVEDIR = 0x200;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int SYS_OPENAT2 = 437;
  private static final long RESOLVE_NO_MAGICLINKS = 0x02;
  private static final long RESOLVE_IN_ROOT = 0x10;
  private static final byte[] EMPTY = new byte[0];

  private static final int WRITE_BYTES = 128 * 1024;

  private static final Invoker INVOKER = Invoker.getInstance();
  private static final CallContext[] CONTEXTS = new CallContext[7];

  static {
    for (int i = 1; i < CONTEXTS.length; i++) {
      Type[] parameters = new Type[i];
      Arrays.fill(parameters, Type.SINT64);
      CONTEXTS[i] =
          CallContext.getCallContext(Type.SINT64, parameters, CallingConvention.DEFAULT, true);
    }
  }

  private DirectoryCalls() {}

  /** A name's bytes as the kernel wants them. */
  public static byte[] name(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * A path's bytes also where they are no valid UTF-8: the JDK keeps them, but shows them only in
   * the path's URI.
   */
  public static byte[] rawName(Path path) {
    byte[] encoded = path.toUri().getRawPath().getBytes(StandardCharsets.US_ASCII);
    byte[] name = new byte[encoded.length];
    int length = 0;
    for (int i = 0; i < encoded.length; i++) {
      if (encoded[i] == '%') {
        name[length++] =
            (byte) Integer.parseInt(new String(encoded, i + 1, 2, StandardCharsets.US_ASCII), 16);
        i += 2;
      } else {
        name[length++] = encoded[i];
      }
    }
    // A folder's URI ends with a slash.
    return Arrays.copyOf(name, length > 1 && name[length - 1] == '/' ? length - 1 : length);
  }

  /** Opens a file; the caller closes the descriptor. */
  public static int openat(int directory, byte[] name, int flags, int mode)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    return checked("open", name, Symbol.OPENAT.call(directory, path, flags | O_CLOEXEC, mode));
  }

  /**
   * Opens a name as if {@code root} were the root of the file system: links, absolute ones and ".."
   * included, cannot lead out of it, also while somebody else changes them.
   */
  public static int openInRoot(int root, byte[] name, int flags) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    long how = s.reserve(24);
    s.putLong(how, flags | O_CLOEXEC);
    s.putLong(how + 8, 0);
    s.putLong(how + 16, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    for (int attempt = 0; ; attempt++) {
      long fd = Symbol.SYSCALL.call(SYS_OPENAT2, root, path, how, 24);
      // EAGAIN: something below was renamed meanwhile, so that the kernel could not be sure.
      if (fd >= 0 || LastError.getInstance().get() != Errno.EAGAIN.number() || attempt == 16) {
        return checked("open", name, fd);
      }
    }
  }

  /** Closes a descriptor; a second close of it would hit somebody else's. */
  public static void close(int fd) {
    Symbol.CLOSE.call(fd);
  }

  public static void mkdirat(int directory, byte[] name, int mode) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked("mkdir", name, Symbol.MKDIRAT.call(directory, path, mode));
  }

  /** Makes a device node, FIFO or socket node; {@code mode} holds the type. */
  public static void mknodat(int directory, byte[] name, int mode, int major, int minor)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked("mknod", name, Symbol.MKNODAT.call(directory, path, mode, device(major, minor)));
  }

  public static void symlinkat(byte[] target, int directory, byte[] name)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long to = s.string(target);
    long path = s.string(name);
    checked("symlink", name, Symbol.SYMLINKAT.call(to, directory, path));
  }

  /** A hard link; a symbolic link in the last place of the old name is not followed. */
  public static void linkat(int fromDirectory, byte[] from, int toDirectory, byte[] to)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long old = s.string(from);
    long path = s.string(to);
    checked("link", to, Symbol.LINKAT.call(fromDirectory, old, toDirectory, path, 0));
  }

  /** Removes a name that is no directory. */
  public static void unlinkat(int directory, byte[] name) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked("unlink", name, Symbol.UNLINKAT.call(directory, path, 0));
  }

  /** Removes an empty directory. */
  public static void rmdirat(int directory, byte[] name) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked("rmdir", name, Symbol.UNLINKAT.call(directory, path, AT_REMOVEDIR));
  }

  /** Changes the owner of a name, of a symbolic link itself. */
  public static void chownat(int directory, byte[] name, int uid, int gid)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked(
        "chown",
        name,
        Symbol.FCHOWNAT.call(
            directory, path, uid & 0xffffffffL, gid & 0xffffffffL, AT_SYMLINK_NOFOLLOW));
  }

  /** Changes the permission bits of a name that is no symbolic link. */
  public static void chmodat(int directory, byte[] name, int permissions)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    checked("chmod", name, Symbol.FCHMODAT.call(directory, path, permissions, 0));
  }

  public static void fchown(int fd, int uid, int gid) throws SystemCallException {
    long result = Symbol.FCHOWN.call(fd, uid & 0xffffffffL, gid & 0xffffffffL);
    checked("chown", EMPTY, result);
  }

  public static void fchmod(int fd, int permissions) throws SystemCallException {
    checked("chmod", EMPTY, Symbol.FCHMOD.call(fd, permissions));
  }

  /** Sets both times of a name, of a symbolic link itself; seconds and nanoseconds of the epoch. */
  public static void setTimes(int directory, byte[] name, long seconds, int nanos)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    long times = s.times(seconds, nanos);
    checked("utimensat", name, Symbol.UTIMENSAT.call(directory, path, times, AT_SYMLINK_NOFOLLOW));
  }

  /** Sets both times of an open file (not one opened with O_PATH). */
  public static void setTimes(int fd, long seconds, int nanos) throws SystemCallException {
    Scratch s = Scratch.begin();
    checked("futimens", EMPTY, Symbol.FUTIMENS.call(fd, s.times(seconds, nanos)));
  }

  /** Sets an extended attribute of a name, of a symbolic link itself. */
  public static void setXattr(int directory, byte[] name, byte[] attribute, byte[] value)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    // There is no setxattrat before Linux 6.13: the magic link stands for the open directory.
    long path = s.string(below(directory, name));
    long key = s.string(attribute);
    long bytes = s.bytes(value);
    checked("setxattr", name, Symbol.LSETXATTR.call(path, key, bytes, value.length, 0));
  }

  /** An extended attribute's value, at most 64 KiB; empty where there is none of that name. */
  public static Optional<byte[]> xattr(int directory, byte[] name, byte[] attribute)
      throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(below(directory, name));
    long key = s.string(attribute);
    long into = s.reserve(65536);
    long length = Symbol.LGETXATTR.call(path, key, into, 65536);
    if (length < 0 && LastError.getInstance().get() == Errno.ENODATA.number()) {
      return Optional.empty();
    }
    byte[] value = new byte[checked("getxattr", name, length)];
    s.get(into, value);
    return Optional.of(value);
  }

  /** The names of a file's extended attributes. */
  public static List<byte[]> xattrs(int directory, byte[] name) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(below(directory, name));
    long into = s.reserve(65536);
    byte[] all = new byte[checked("listxattr", name, Symbol.LLISTXATTR.call(path, into, 65536))];
    s.get(into, all);
    List<byte[]> names = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < all.length; i++) {
      if (all[i] == 0) {
        names.add(Arrays.copyOfRange(all, from, i));
        from = i + 1;
      }
    }
    return names;
  }

  /** A symbolic link's target. */
  public static byte[] readlinkat(int directory, byte[] name) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    long into = s.reserve(4096);
    byte[] target =
        new byte[checked("readlink", name, Symbol.READLINKAT.call(directory, path, into, 4096))];
    s.get(into, target);
    return target;
  }

  /** What a name is, without following a symbolic link; an empty name means the descriptor. */
  public static FileStatus stat(int directory, byte[] name) throws SystemCallException {
    Scratch s = Scratch.begin();
    long path = s.string(name);
    long into = s.reserve(256);
    int flags = AT_SYMLINK_NOFOLLOW | (name.length == 0 ? AT_EMPTY_PATH : 0);
    checked("stat", name, Symbol.STATX.call(directory, path, flags, STATX_BASIC_STATS, into));
    return s.status(into);
  }

  /** As {@link #stat}, empty where there is no such name. */
  public static Optional<FileStatus> statIfThere(int directory, byte[] name)
      throws SystemCallException {
    try {
      return Optional.of(stat(directory, name));
    } catch (SystemCallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ENOTDIR)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Writes all of the range at the file's position. */
  public static void write(int fd, byte[] bytes, int offset, int length)
      throws SystemCallException {
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, WRITE_BYTES);
      Scratch s = Scratch.begin();
      long from = s.bytes(bytes, offset + done, part);
      long written = Symbol.WRITE.call(fd, from, part);
      if (written < 0 && LastError.getInstance().get() == Errno.EINTR.number()) {
        continue;
      }
      done += checked("write", EMPTY, written);
    }
  }

  /** Sets the file's size, with a hole where it grows. */
  public static void truncate(int fd, long size) throws SystemCallException {
    checked("ftruncate", EMPTY, Symbol.FTRUNCATE.call(fd, size));
  }

  /** Moves the position for the next {@link #write}; what is skipped becomes a hole. */
  public static void seek(int fd, long position) throws SystemCallException {
    if (Symbol.LSEEK.call(fd, position, 0) < 0) {
      checked("lseek", EMPTY, -1);
    }
  }

  /** Waits until the file's data and metadata, or a directory's names, are on disk. */
  public static void fsync(int fd) throws SystemCallException {
    checked("fsync", EMPTY, Symbol.FSYNC.call(fd));
  }

  /** Waits until everything written to the file system that holds {@code fd} is on disk. */
  public static void syncfs(int fd) throws SystemCallException {
    checked("syncfs", EMPTY, Symbol.SYNCFS.call(fd));
  }

  private static byte[] below(int directory, byte[] name) {
    if (directory == CWD) {
      return name;
    }
    byte[] prefix =
        ("/proc/self/fd/" + directory + (name.length == 0 ? "" : "/"))
            .getBytes(StandardCharsets.US_ASCII);
    byte[] path = Arrays.copyOf(prefix, prefix.length + name.length);
    System.arraycopy(name, 0, path, prefix.length, name.length);
    return path;
  }

  private static long device(int major, int minor) {
    return (minor & 0xffL)
        | ((major & 0xfffL) << 8)
        | ((minor & 0xffffff00L) << 12)
        | ((major & 0xfffff000L) << 32);
  }

  private static int checked(String call, byte[] name, long result) throws SystemCallException {
    if (result < 0) {
      int errno = LastError.getInstance().get();
      throw new SystemCallException(call, new String(name, StandardCharsets.UTF_8), errno);
    }
    return (int) result;
  }

  /** A function of the C library. */
  private enum Symbol {
    OPENAT("openat"),
    CLOSE("close"),
    SYSCALL("syscall", true),
    MKDIRAT("mkdirat"),
    MKNODAT("mknodat"),
    SYMLINKAT("symlinkat"),
    LINKAT("linkat"),
    UNLINKAT("unlinkat"),
    FCHOWNAT("fchownat"),
    FCHMODAT("fchmodat"),
    FCHOWN("fchown"),
    FCHMOD("fchmod"),
    UTIMENSAT("utimensat"),
    FUTIMENS("futimens"),
    LSETXATTR("lsetxattr"),
    LGETXATTR("lgetxattr", true),
    LLISTXATTR("llistxattr", true),
    READLINKAT("readlinkat", true),
    STATX("statx"),
    WRITE("write", true),
    FTRUNCATE("ftruncate"),
    LSEEK("lseek", true),
    FSYNC("fsync"),
    SYNCFS("syncfs");

    private final long address;
    private final boolean wide;

    Symbol(String name) {
      this(name, false);
    }

    Symbol(String name, boolean wide) {
      Library c = Library.getCachedInstance("libc.so.6", Library.LAZY | Library.GLOBAL);
      long found = c == null ? 0 : c.getSymbolAddress(name);
      if (found == 0) {
        throw new UnsatisfiedLinkError(
            "the C library has no " + name + "; glibc >= 2.28 is needed");
      }
      this.address = found;
      this.wide = wide;
    }

    /** A function that returns an int leaves the upper half of the register undefined. */
    private long narrowed(long result) {
      return wide ? result : (int) result;
    }

    long call(long a) {
      return narrowed(INVOKER.invokeN1(CONTEXTS[1], address, a));
    }

    long call(long a, long b) {
      return narrowed(INVOKER.invokeN2(CONTEXTS[2], address, a, b));
    }

    long call(long a, long b, long c) {
      return narrowed(INVOKER.invokeN3(CONTEXTS[3], address, a, b, c));
    }

    long call(long a, long b, long c, long d) {
      return narrowed(INVOKER.invokeN4(CONTEXTS[4], address, a, b, c, d));
    }

    long call(long a, long b, long c, long d, long e) {
      return narrowed(INVOKER.invokeN5(CONTEXTS[5], address, a, b, c, d, e));
    }
  }
}
