package dev.retainerd.runtime.linux;

import java.nio.file.Path;

/**
 * A second mount of a folder or file, on which owners show as a user namespace maps them: what
 * belongs to root on disk belongs to the namespace's root there. Needs a kernel of 5.12, and a file
 * system that can do it. Thread-safe; acts on the mount namespace of the calling thread.
 */
public final class IdMappedMount {
  private static final int OPEN_TREE_CLONE = 1;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int AT_RECURSIVE = 0x8000;
  private static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
  private static final long MOUNT_ATTR_IDMAP = 0x00100000;
  private static final int MOUNT_ATTR_BYTES = 32;
  private static final int USERNS_FD_AT = 24;

  private IdMappedMount() {}

  /**
   * Mounts it.
   *
   * @param source what is mounted a second time, where links lead
   * @param withMountsBelow whether mounts below the source are to be there as well, with their
   *     owners as they are
   * @param userNamespace whose mapping it is
   * @param target a folder or file that exists, as the source is one
   * @throws SystemCallException EINVAL where the file system cannot do it, EPERM where the source
   *     is such a mount already
   */
  public static void attach(
      Path source, boolean withMountsBelow, NativeFile userNamespace, Path target)
      throws SystemCallException {
    try (NativeFile tree = mapped(source, withMountsBelow, userNamespace);
        NativeMemory memory = new NativeMemory()) {
      Libc.systemCall(
          "move_mount",
          target.toString(),
          Libc.SystemCallNumber.MOVE_MOUNT,
          tree.descriptor(),
          memory.text(""),
          DirectoryCalls.CWD,
          memory.path(target),
          MOVE_MOUNT_F_EMPTY_PATH);
    }
  }

  /**
   * Whether kernel and file system of a folder can do it.
   *
   * @throws SystemCallException where they cannot
   */
  public static void tryOn(Path source, NativeFile userNamespace) throws SystemCallException {
    mapped(source, false, userNamespace).close();
  }

  private static NativeFile mapped(Path source, boolean withMountsBelow, NativeFile userNamespace)
      throws SystemCallException {
    int flags = OPEN_TREE_CLONE | NativeFile.O_CLOEXEC | (withMountsBelow ? AT_RECURSIVE : 0);
    try (NativeMemory memory = new NativeMemory()) {
      int fd =
          Libc.systemCall(
              "open_tree",
              source.toString(),
              Libc.SystemCallNumber.OPEN_TREE,
              DirectoryCalls.CWD,
              memory.path(source),
              flags,
              0,
              0);
      NativeFile tree = new NativeFile(fd, source);
      try {
        long attributes = memory.block(MOUNT_ATTR_BYTES);
        NativeMemory.putLong(attributes, MOUNT_ATTR_IDMAP);
        NativeMemory.putLong(attributes + 8, 0);
        NativeMemory.putLong(attributes + 16, 0);
        NativeMemory.putLong(attributes + USERNS_FD_AT, userNamespace.descriptor());
        Libc.systemCall(
            "mount_setattr",
            source.toString(),
            Libc.SystemCallNumber.MOUNT_SETATTR,
            fd,
            memory.text(""),
            AT_EMPTY_PATH,
            attributes,
            MOUNT_ATTR_BYTES);
        return tree;
      } catch (SystemCallException e) {
        tree.close();
        throw e;
      }
    }
  }
}
