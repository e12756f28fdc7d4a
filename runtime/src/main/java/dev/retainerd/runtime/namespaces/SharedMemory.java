package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountTable;
import dev.retainerd.runtime.linux.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The tmpfs that the containers of a pod share as /dev/shm. Both calls are idempotent; calls for
 * one folder must not overlap.
 */
public final class SharedMemory {
  /** What containerd gives a pod: 64 MiB. */
  public static final long DEFAULT_SIZE_BYTES = 64L << 20;

  private SharedMemory() {}

  /** Mounts it at the folder, which is made if absent; does nothing if a tmpfs is there. */
  public static void mount(Path folder, long sizeBytes) {
    try {
      boolean wasThere = Files.exists(folder);
      Files.createDirectories(folder);
      Path real = folder.toRealPath();
      if (wasThere && isMounted(real)) {
        return;
      }
      long flags = Mounts.MS_NOSUID | Mounts.MS_NODEV | Mounts.MS_NOEXEC;
      Mounts.mount("shm", real, "tmpfs", flags, "mode=1777,size=" + sizeBytes);
    } catch (IOException e) {
      throw Refusal.internal(
          "the shared memory " + folder + " could not be mounted: " + e.getMessage(), e);
    }
  }

  private static boolean isMounted(Path folder) throws IOException {
    return MountTable.readAbout(folder)
        .at(folder)
        .filter(mount -> mount.type().equals("tmpfs"))
        .isPresent();
  }

  /**
   * Unmounts it and removes the folder.
   *
   * @return false if there was nothing
   */
  public static boolean unmount(Path folder) {
    try {
      boolean any = Mounts.unmountAll(folder);
      return Files.deleteIfExists(folder) || any;
    } catch (IOException e) {
      throw Refusal.internal(
          "the shared memory " + folder + " could not be unmounted: " + e.getMessage(), e);
    }
  }
}
