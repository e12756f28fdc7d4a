package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Mounts;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.task.Mount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Mounts a container's root as the snapshotter's mounts say, by mount(8)'s option words. */
final class RootMounts {
  private static final long MS_RDONLY = 1;
  private static final long MS_REMOUNT = 32;
  private static final long MS_BIND = 4096;
  private static final long MS_REC = 16384;
  private static final int UNMOUNT_ROUNDS_MAX = 64;
  private static final int PAGE_BYTES = 4096;

  private record Flag(String word, long bit, boolean clears) {}

  private static final Flag[] FLAGS = {
    new Flag("ro", MS_RDONLY, false),
    new Flag("rw", MS_RDONLY, true),
    new Flag("nosuid", 2, false),
    new Flag("suid", 2, true),
    new Flag("nodev", 4, false),
    new Flag("dev", 4, true),
    new Flag("noexec", 8, false),
    new Flag("exec", 8, true),
    new Flag("sync", 16, false),
    new Flag("async", 16, true),
    new Flag("remount", MS_REMOUNT, false),
    new Flag("mand", 64, false),
    new Flag("dirsync", 128, false),
    new Flag("noatime", 1024, false),
    new Flag("nodiratime", 2048, false),
    new Flag("bind", MS_BIND, false),
    new Flag("rbind", MS_BIND | MS_REC, false),
    new Flag("relatime", 1 << 21, false),
    new Flag("strictatime", 1 << 24, false),
    new Flag("defaults", 0, false),
  };

  private RootMounts() {}

  static void mountAll(List<Mount> mounts, Path rootfs) throws TtrpcException {
    try {
      Files.createDirectories(rootfs);
      for (Mount mount : mounts) {
        String below = mount.getTarget();
        Path target =
            rootfs.resolve(below.startsWith("/") ? below.substring(1) : below).normalize();
        if (!target.startsWith(rootfs)) {
          throw new TtrpcException(
              StatusCode.INVALID_ARGUMENT, "the mount target " + below + " leaves the root");
        }
        mount(mount, target);
      }
    } catch (IOException e) {
      unmountAll(rootfs);
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION,
          "the root of the container cannot be made: " + e.getMessage(),
          e);
    }
  }

  private static void mount(Mount mount, Path target) throws PosixException {
    long flags = 0;
    StringBuilder data = new StringBuilder();
    for (String option : mount.getOptionsList()) {
      Flag flag = find(option);
      if (flag == null) {
        data.append(data.isEmpty() ? "" : ",").append(option);
      } else {
        flags = flag.clears() ? flags & ~flag.bit() : flags | flag.bit();
      }
    }
    if (data.length() >= PAGE_BYTES) {
      throw new IllegalArgumentException(
          "the options of a mount take " + data.length() + " bytes; the kernel allows 4095");
    }
    boolean bind = (flags & MS_BIND) != 0;
    String type = bind || mount.getType().equals("rbind") ? "bind" : mount.getType();
    Mounts.mount(mount.getSource(), target.toString(), type, flags, data.toString());
    if (bind && (flags & ~(MS_BIND | MS_REC)) != 0) {
      // A bind mount takes its other flags only when it is mounted again.
      Mounts.mount(mount.getSource(), target.toString(), "", flags | MS_REMOUNT, "");
    }
  }

  private static Flag find(String option) {
    for (Flag flag : FLAGS) {
      if (flag.word().equals(option)) {
        return flag;
      }
    }
    return null;
  }

  /** Takes away whatever is mounted at a root, layer by layer; nothing there is fine. */
  static void unmountAll(Path rootfs) {
    for (int i = 0; i < UNMOUNT_ROUNDS_MAX; i++) {
      int result = Mounts.unmount(rootfs.toString(), 0);
      if (result == -Errno.EBUSY) {
        result = Mounts.unmount(rootfs.toString(), Mounts.MNT_DETACH);
      }
      if (result < 0) {
        return;
      }
    }
  }
}
