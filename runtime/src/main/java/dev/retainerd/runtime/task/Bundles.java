package dev.retainerd.runtime.task;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountPoint;
import dev.retainerd.runtime.linux.MountTable;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * The folders that OCI runtimes are given: {@code NAMESPACE/ID} with config.json and an empty
 * rootfs. They lie where a reboot may take them. Thread-safe.
 *
 * @param tasksFolder holds one folder per namespace
 */
public record Bundles(Path tasksFolder) {

  /**
   * The bundle of that container; ids have no slash and no dot segments (checked at the API's
   * door).
   */
  public Path folder(String namespace, String containerId) {
    Path folder = tasksFolder.resolve(namespace).resolve(containerId).normalize();
    if (!folder.startsWith(tasksFolder)
        || folder.getNameCount() != tasksFolder.getNameCount() + 2) {
      throw Refusal.invalidArgument(
          "the id " + containerId + " cannot name a folder; use letters, digits, '-', '_' and '.'");
    }
    return folder;
  }

  /** Makes the bundle; what stood there of a failed attempt goes first. */
  Path make(String namespace, String containerId, byte[] spec) throws IOException {
    Path folder = folder(namespace, containerId);
    remove(namespace, containerId);
    Files.createDirectories(folder.getParent());
    Files.createDirectory(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
    Files.createDirectory(folder.resolve("rootfs"));
    Files.write(folder.resolve("config.json"), spec);
    return folder;
  }

  /**
   * Removes the bundle, unmounting first whatever is still mounted in it; an absent one is fine.
   */
  public void remove(String namespace, String containerId) {
    Path folder = folder(namespace, containerId);
    try {
      List<MountPoint> mounts = MountTable.read().below(folder);
      for (MountPoint mount : mounts.reversed()) {
        Mounts.unmountAll(mount.target());
      }
      Folders.remove(folder);
    } catch (IOException e) {
      throw Refusal.internal("the bundle " + folder + " cannot be removed: " + e.getMessage(), e);
    }
  }
}
