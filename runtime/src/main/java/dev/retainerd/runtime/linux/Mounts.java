package dev.retainerd.runtime.linux;

import java.io.IOException;
import java.nio.file.Path;

/**
 * mount(2), umount2(2) and the newer calls on mount trees. Thread-safe; every call is one call into
 * the kernel and acts on the mount namespace of the calling thread.
 */
public final class Mounts {
  public static final long MS_RDONLY = 1;
  public static final long MS_NOSUID = 1 << 1;
  public static final long MS_NODEV = 1 << 2;
  public static final long MS_NOEXEC = 1 << 3;
  public static final long MS_REMOUNT = 1 << 5;
  public static final long MS_BIND = 1 << 12;
  public static final long MS_REC = 1 << 14;
  public static final long MS_UNBINDABLE = 1 << 17;
  public static final long MS_PRIVATE = 1 << 18;
  public static final long MS_SLAVE = 1 << 19;
  public static final long MS_SHARED = 1 << 20;

  /** The mount goes out of sight at once and ends when its last user lets go. */
  public static final int MNT_DETACH = 2;

  /** A symbolic link as target is refused. */
  public static final int UMOUNT_NOFOLLOW = 8;

  private Mounts() {}

  /**
   * mount(2).
   *
   * @param source a device, a folder or any word; null for none
   * @param type the file system's name; null for bind and propagation
   * @param data the file system's own options, comma separated; null for none
   */
  public static void mount(String source, Path target, String type, long flags, String data)
      throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call(
          "mount",
          (type == null ? String.valueOf(source) : type) + " on " + target,
          Libc.MOUNT,
          memory.text(source),
          memory.path(target),
          memory.text(type),
          flags,
          memory.text(data));
    }
  }

  /** Binds a file or folder onto another that exists. */
  public static void bind(Path source, Path target) throws SystemCallException {
    mount(source.toString(), target, null, MS_BIND, null);
  }

  /** Makes what is mounted at the target keep its mounts to itself. */
  public static void makePrivate(Path target) throws SystemCallException {
    mount(null, target, null, MS_PRIVATE, null);
  }

  /** umount2(2) of the topmost mount at the target. */
  public static void unmount(Path target, int flags) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call("umount2", target.toString(), Libc.UMOUNT2, memory.path(target), flags);
    }
  }

  /**
   * Unmounts everything stacked at the target, detaching what is busy; links are not followed.
   *
   * @return false if nothing was mounted there or the target does not exist
   */
  public static boolean unmountAll(Path target) throws SystemCallException {
    boolean any = false;
    // A stack deeper than this is not one of ours; the bound keeps a mount loop from holding us.
    for (int depth = 0; depth < 64; depth++) {
      try {
        unmount(target, MNT_DETACH | UMOUNT_NOFOLLOW);
        any = true;
      } catch (SystemCallException e) {
        if (e.is(Errno.EINVAL) || e.is(Errno.ENOENT)) {
          return any;
        }
        throw e;
      }
    }
    return any;
  }

  /** As {@link #unmountAll} for the folder and everything that is mounted below it. */
  public static void unmountBelow(Path folder) throws IOException {
    for (MountPoint mount : MountTable.readAbout(folder).below(folder).reversed()) {
      unmountAll(mount.target());
    }
  }
}
