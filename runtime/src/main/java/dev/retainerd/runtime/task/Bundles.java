package dev.retainerd.runtime.task;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * The folders that OCI runtimes are given: {@code NAMESPACE/ID} with config.json and an empty
 * rootfs, and beside them what a checkpoint's archive held, until its task is restored.
 * Thread-safe.
 *
 * @param tasksFolder holds one folder per namespace; a reboot may take it
 * @param imagesFolder the same for what checkpoints held: as large as the memory of containers, so
 *     it lies on a disk
 */
public record Bundles(Path tasksFolder, Path imagesFolder) {
  private static final FileAttribute<Set<PosixFilePermission>> ROOT_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /**
   * The bundle of that container; ids have no slash and no dot segments (checked at the API's
   * door).
   */
  public Path folder(String namespace, String containerId) {
    return below(tasksFolder, namespace, containerId);
  }

  /** Where the images lie that the container is restored from. */
  Path images(String namespace, String containerId) {
    return below(imagesFolder, namespace, containerId);
  }

  private static Path below(Path top, String namespace, String containerId) {
    Path folder = top.resolve(namespace).resolve(containerId).normalize();
    if (!folder.startsWith(top) || folder.getNameCount() != top.getNameCount() + 2) {
      throw Refusal.invalidArgument(
          "the id " + containerId + " cannot name a folder; use letters, digits, '-', '_' and '.'");
    }
    return folder;
  }

  /** Makes the bundle; what stood there of a failed attempt goes first. */
  Path make(String namespace, String containerId, byte[] spec) throws IOException {
    Path folder = folder(namespace, containerId);
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)
        || Files.exists(images(namespace, containerId), LinkOption.NOFOLLOW_LINKS)) {
      remove(namespace, containerId);
    }
    Files.createDirectories(folder.getParent());
    Files.createDirectory(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
    Files.createDirectory(folder.resolve("rootfs"));
    Files.write(folder.resolve("config.json"), spec);
    return folder;
  }

  /**
   * Makes an offer of a bundle: an empty file, by whose removal a shim takes the create. Its name
   * is no earlier one's, so that a shim which comes to an earlier one too late finds nothing.
   */
  Path makeOffer(String namespace, String containerId) throws IOException {
    String name = "offer-" + Long.toString(System.nanoTime(), Character.MAX_RADIX);
    return Files.createFile(folder(namespace, containerId).resolve(name));
  }

  /** Makes the folder for images, which only root enters. */
  Path makeImages(String namespace, String containerId) throws IOException {
    Path folder = images(namespace, containerId);
    removeImages(namespace, containerId);
    Files.createDirectories(folder.getParent(), ROOT_ONLY);
    return Files.createDirectory(folder, ROOT_ONLY);
  }

  /** Removes the images of a checkpoint; absent ones are fine, a failure is logged. */
  public void removeImages(String namespace, String containerId) {
    Folders.removeQuietly(images(namespace, containerId));
  }

  /**
   * Removes the bundle and the images, unmounting first whatever is still mounted in it; an absent
   * one is fine.
   */
  public void remove(String namespace, String containerId) {
    Path folder = folder(namespace, containerId);
    try {
      Mounts.unmountBelow(folder);
      Folders.remove(folder);
      Folders.remove(images(namespace, containerId));
    } catch (IOException e) {
      throw Refusal.internal("the bundle " + folder + " cannot be removed: " + e.getMessage(), e);
    }
  }
}
