package dev.retainerd.shim.posix;

/**
 * /dev/null for processes of user namespaces. A runtime may give a container's root what it hands
 * it as standard streams: crun (1.8) then gives away the device of the whole node. Through a
 * read-only mount of it nothing can be given away, and it reads and writes as ever. Thread-safe.
 */
public final class NullDevice {
  private static final String PATH = "/dev/null";
  private static final int SYS_OPEN_TREE = 428;
  private static final int SYS_MOUNT_SETATTR = 442;
  private static final long AT_FDCWD = -100;
  private static final long AT_EMPTY_PATH = 0x1000;
  private static final long OPEN_TREE_CLONE_CLOEXEC = 1 | 02000000;
  private static final long MOUNT_ATTR_RDONLY = 1;
  private static final int ATTR_BYTES = 32;

  private static final long SYSCALL = Native.symbol("syscall");

  private NullDevice() {}

  /**
   * Opens it so that its owner cannot be changed; where the kernel cannot do that (before 5.12), as
   * it is.
   *
   * @param flags as of open(2)
   */
  public static int openGuarded(int flags) throws PosixException {
    int tree = -1;
    try {
      tree = readOnlyMount();
      return Posix.open("/proc/self/fd/" + tree, flags, 0);
    } catch (PosixException e) {
      return Posix.open(PATH, flags, 0);
    } finally {
      Posix.close(tree);
    }
  }

  /** A mount that stands nowhere and is gone with the last file opened through it. */
  private static int readOnlyMount() throws PosixException {
    long path = Native.string(PATH);
    long empty = Native.string("");
    long attributes = Native.allocate(ATTR_BYTES);
    int tree = -1;
    try {
      tree =
          (int)
              Posix.check(
                  "this kernel cannot mount " + PATH + " apart",
                  Native.call(SYSCALL, SYS_OPEN_TREE, AT_FDCWD, path, OPEN_TREE_CLONE_CLOEXEC));
      for (int i = 0; i < ATTR_BYTES; i += Long.BYTES) {
        Native.MEMORY.putLong(attributes + i, 0);
      }
      Native.MEMORY.putLong(attributes, MOUNT_ATTR_RDONLY);
      Posix.check(
          "this kernel cannot mount " + PATH + " read-only",
          Native.call(
              SYSCALL, SYS_MOUNT_SETATTR, tree, empty, AT_EMPTY_PATH, attributes, ATTR_BYTES));
      int mounted = tree;
      tree = -1;
      return mounted;
    } finally {
      Posix.close(tree);
      Native.free(path);
      Native.free(empty);
      Native.free(attributes);
    }
  }
}
