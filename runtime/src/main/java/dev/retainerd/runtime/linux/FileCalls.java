package dev.retainerd.runtime.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What java.nio.file cannot do to a file: nodes, owners of links, extended attributes, times of
 * links, atomic exchange. No call follows a symbolic link as last component. Thread-safe.
 */
public final class FileCalls {
  public static final int S_IFIFO = 0x1000;
  public static final int S_IFCHR = 0x2000;
  public static final int S_IFBLK = 0x6000;
  public static final int S_IFREG = 0x8000;
  public static final int S_IFSOCK = 0xC000;

  private static final int AT_FDCWD = -100;
  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int RENAME_NOREPLACE = 1;
  private static final int LARGEST_XATTR_BYTES = 65536;
  private static final int TIMESPEC_BYTES = 16;

  private static final int STATFS_BYTES = 120;
  private static final int FREE_INODES_AT = 48;

  private FileCalls() {}

  /**
   * mknod(2).
   *
   * @param mode one of the S_IF constants with the permission bits; the umask applies
   */
  public static void makeNode(Path path, int mode, int major, int minor)
      throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.systemCall(
          "mknod",
          path.toString(),
          Libc.SystemCallNumber.MKNODAT,
          AT_FDCWD,
          memory.path(path),
          mode,
          device(major, minor),
          0);
    }
  }

  /** The kernel's 32-bit form of a device number. */
  private static long device(int major, int minor) {
    return ((minor & 0xffL) | ((major & 0xfffL) << 8) | ((minor & 0xfff00L) << 12)) & 0xffffffffL;
  }

  /**
   * mkfifo(3).
   *
   * @param mode permission bits; the umask applies
   */
  public static void makeFifo(Path path, int mode) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call("mkfifo", path.toString(), Libc.MKFIFO, memory.path(path), mode);
    }
  }

  /** lchown(2). */
  public static void changeOwner(Path path, long uid, long gid) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call("lchown", path.toString(), Libc.LCHOWN, memory.path(path), uid, gid);
    }
  }

  /** chmod(2) with set-user-ID, set-group-ID and sticky bits; not for symbolic links. */
  public static void changeMode(Path path, int mode) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call("chmod", path.toString(), Libc.CHMOD, memory.path(path), mode & 07777);
    }
  }

  /** utimensat(2) on the file or link itself; both times in nanoseconds since 1970. */
  public static void setTimes(Path path, long accessNanos, long modificationNanos)
      throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      long times = memory.block(2 * TIMESPEC_BYTES);
      putTime(times, accessNanos);
      putTime(times + TIMESPEC_BYTES, modificationNanos);
      Libc.call(
          "utimensat",
          path.toString(),
          Libc.UTIMENSAT,
          AT_FDCWD,
          memory.path(path),
          times,
          AT_SYMLINK_NOFOLLOW);
    }
  }

  private static void putTime(long address, long nanos) {
    NativeMemory.putLong(address, Math.floorDiv(nanos, 1_000_000_000L));
    NativeMemory.putLong(address + 8, Math.floorMod(nanos, 1_000_000_000L));
  }

  /** lsetxattr(2); makes or replaces. */
  public static void setAttribute(Path path, String name, byte[] value) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call(
          "lsetxattr",
          path + " (" + name + ")",
          Libc.LSETXATTR,
          memory.path(path),
          memory.text(name),
          memory.bytes(value),
          value.length,
          0);
    }
  }

  /** lgetxattr(2); empty if there is no such attribute. */
  public static Optional<byte[]> attribute(Path path, String name) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      long value = memory.block(LARGEST_XATTR_BYTES);
      long length =
          Libc.callForSize(
              "lgetxattr",
              path + " (" + name + ")",
              Libc.LGETXATTR,
              memory.path(path),
              memory.text(name),
              value,
              LARGEST_XATTR_BYTES);
      return Optional.of(NativeMemory.read(value, (int) length));
    } catch (SystemCallException e) {
      if (e.is(Errno.ENODATA)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** llistxattr(2); empty where the file system knows none. */
  public static List<String> attributeNames(Path path) throws SystemCallException {
    byte[] packed;
    try (NativeMemory memory = new NativeMemory()) {
      long list = memory.block(LARGEST_XATTR_BYTES);
      long length =
          Libc.callForSize(
              "llistxattr",
              path.toString(),
              Libc.LLISTXATTR,
              memory.path(path),
              list,
              LARGEST_XATTR_BYTES,
              0);
      packed = NativeMemory.read(list, (int) length);
    } catch (SystemCallException e) {
      if (e.is(Errno.EOPNOTSUPP)) {
        return List.of();
      }
      throw e;
    }
    List<String> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < packed.length; i++) {
      if (packed[i] == 0) {
        names.add(new String(packed, start, i - start, StandardCharsets.UTF_8));
        start = i + 1;
      }
    }
    return names;
  }

  /** lremovexattr(2). */
  public static void removeAttribute(Path path, String name) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call(
          "lremovexattr",
          path + " (" + name + ")",
          Libc.LREMOVEXATTR,
          memory.path(path),
          memory.text(name));
    }
  }

  /**
   * renameat2(2) that refuses an existing target instead of replacing it.
   *
   * @return false if the target exists
   */
  public static boolean renameIfAbsent(Path from, Path to) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.systemCall(
          "renameat2",
          from + " to " + to,
          Libc.SystemCallNumber.RENAMEAT2,
          AT_FDCWD,
          memory.path(from),
          AT_FDCWD,
          memory.path(to),
          RENAME_NOREPLACE);
      return true;
    } catch (SystemCallException e) {
      if (e.is(Errno.EEXIST)) {
        return false;
      }
      throw e;
    }
  }

  /** statfs(2): how many more files the file system of this folder takes. */
  public static long freeInodes(Path folder) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      long status = memory.block(STATFS_BYTES);
      Libc.systemCall(
          "statfs",
          folder.toString(),
          Libc.SystemCallNumber.STATFS,
          memory.path(folder),
          status,
          0,
          0,
          0);
      return ByteBuffer.wrap(NativeMemory.read(status + FREE_INODES_AT, Long.BYTES))
          .order(ByteOrder.nativeOrder())
          .getLong();
    }
  }
}
