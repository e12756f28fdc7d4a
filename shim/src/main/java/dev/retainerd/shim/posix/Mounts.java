package dev.retainerd.shim.posix;

/** Mounts by path, and by the descriptor of one that stands nowhere yet. Thread-safe. */
public final class Mounts {
  public static final int MNT_DETACH = 2;

  private static final int SYS_OPEN_TREE = 428;
  private static final int SYS_MOVE_MOUNT = 429;
  private static final int SYS_MOUNT_SETATTR = 442;
  private static final long AT_FDCWD = -100;
  private static final long AT_EMPTY_PATH = 0x1000;
  private static final long OPEN_TREE_CLONE_CLOEXEC = 1 | 02000000;
  private static final long MOVE_MOUNT_F_EMPTY_PATH = 4;
  private static final long MOUNT_ATTR_RDONLY = 1;
  private static final int ATTR_BYTES = 32;

  private static final long MOUNT = Native.symbol("mount");
  private static final long UMOUNT2 = Native.symbol("umount2");

  private Mounts() {}

  public static void mount(String source, String target, String type, long flags, String data)
      throws PosixException {
    long sourceName = Native.string(source);
    long targetName = Native.string(target);
    long typeName = type.isEmpty() ? 0 : Native.string(type);
    long dataText = data.isEmpty() ? 0 : Native.string(data);
    try {
      if ((int) Native.call(MOUNT, sourceName, targetName, typeName, flags, dataText) < 0) {
        throw new PosixException(
            "cannot mount " + type + " from " + source + " at " + target, Native.errno());
      }
    } finally {
      Native.free(sourceName);
      Native.free(targetName);
      Native.free(typeName);
      Native.free(dataText);
    }
  }

  /** 0, or a negative errno: EINVAL where nothing is mounted. */
  public static int unmount(String target, int flags) {
    long name = Native.string(target);
    try {
      return (int) Native.call(UMOUNT2, name, flags) < 0 ? -Native.errno() : 0;
    } finally {
      Native.free(name);
    }
  }

  /**
   * A copy of the mount of a file, as a descriptor (Linux 5.2). It stands nowhere until it is
   * attached; one that never is goes with the last file opened through it.
   *
   * @param failure says what cannot be done without it
   */
  static int copy(String failure, String path) throws PosixException {
    return openTree(failure, AT_FDCWD, path, 0);
  }

  /** The same of an open file. */
  static int copy(String failure, int fd) throws PosixException {
    return openTree(failure, fd, "", AT_EMPTY_PATH);
  }

  private static int openTree(String failure, long from, String path, long flags)
      throws PosixException {
    long name = Native.string(path);
    try {
      return (int)
          Posix.check(
              failure,
              Native.call(
                  Native.SYSCALL, SYS_OPEN_TREE, from, name, OPEN_TREE_CLONE_CLOEXEC | flags));
    } finally {
      Native.free(name);
    }
  }

  /** Attaches a copy at an existing file. */
  static void attach(String failure, int copy, String target) throws PosixException {
    long empty = Native.string("");
    long name = Native.string(target);
    try {
      Posix.check(
          failure,
          Native.call(
              Native.SYSCALL,
              SYS_MOVE_MOUNT,
              copy,
              empty,
              AT_FDCWD,
              name,
              MOVE_MOUNT_F_EMPTY_PATH));
    } finally {
      Native.free(empty);
      Native.free(name);
    }
  }

  /** Makes a copy read-only (Linux 5.12). */
  static void makeReadOnly(String failure, int copy) throws PosixException {
    long empty = Native.string("");
    long attributes = Native.allocate(ATTR_BYTES);
    try {
      Native.MEMORY.putLong(attributes, MOUNT_ATTR_RDONLY);
      Posix.check(
          failure,
          Native.call(
              Native.SYSCALL,
              SYS_MOUNT_SETATTR,
              copy,
              empty,
              AT_EMPTY_PATH,
              attributes,
              ATTR_BYTES));
    } finally {
      Native.free(empty);
      Native.free(attributes);
    }
  }
}
