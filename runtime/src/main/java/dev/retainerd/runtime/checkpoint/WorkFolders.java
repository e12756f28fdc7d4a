package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Folders that live as long as one checkpoint is being made. What lies in them is the memory of
 * containers: only root enters. Thread-safe.
 */
public final class WorkFolders {
  private static final FileAttribute<Set<PosixFilePermission>> ROOT_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final Path top;
  private final Supplier<String> newId;

  private WorkFolders(Path top, Supplier<String> newId) {
    this.top = top;
    this.newId = newId;
  }

  /**
   * Folders below {@code top}, on a disk; what an earlier daemon left there goes.
   *
   * @param newId names that never come again
   */
  public static WorkFolders emptied(Path top, Supplier<String> newId) {
    Folders.removeQuietly(top);
    return new WorkFolders(top, newId);
  }

  Work make() throws IOException {
    Files.createDirectories(top, ROOT_ONLY);
    Work work = new Work(Files.createDirectory(top.resolve(newId.get()), ROOT_ONLY));
    Files.createDirectory(work.images(), ROOT_ONLY);
    Files.createDirectory(work.logs(), ROOT_ONLY);
    return work;
  }

  /** One such folder. */
  record Work(Path folder) implements AutoCloseable {

    /** For CRIU's images. */
    Path images() {
      return folder.resolve("checkpoint");
    }

    /** For CRIU's logs. */
    Path logs() {
      return folder.resolve("logs");
    }

    @Override
    public void close() {
      Folders.removeQuietly(folder);
    }
  }
}
