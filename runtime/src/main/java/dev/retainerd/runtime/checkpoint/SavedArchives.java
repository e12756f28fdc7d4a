package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.archive.Bounds;
import dev.retainerd.runtime.archive.LayerApplier;
import dev.retainerd.runtime.archive.Whiteouts;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.error.Refusal;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Archives as CheckpointContainer writes them, ours and others'; plain, or compressed by gzip or
 * zstd. Thread-safe.
 *
 * @param folders where one is unpacked to look into it
 */
public record SavedArchives(WorkFolders folders) {
  private static final FileAttribute<Set<PosixFilePermission>> ROOT_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /**
   * Opens one.
   *
   * @param path absolute
   * @throws Refusal NOT_FOUND where it is not there, INVALID_ARGUMENT where it is no checkpoint or
   *     a hostile one
   */
  public SavedContainer open(Path path) {
    if (!Files.isRegularFile(path)) {
      throw Files.exists(path)
          ? Refusal.invalidArgument(
              "the checkpoint " + path + " is no file; name the archive of a container")
          : Refusal.notFound("the checkpoint archive " + path + " does not exist");
    }
    return unpack(
        "the archive " + path,
        folder -> {
          try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
            LayerApplier.apply(in, folder, Whiteouts.DIRECT, List.of(), Bounds.USUAL);
          }
        });
  }

  /** Puts such an archive's files into an empty folder. */
  @FunctionalInterface
  public interface Unpacking {
    void into(Path folder) throws IOException;
  }

  /**
   * Opens what is unpacked so.
   *
   * @param what names it in a refusal
   */
  public SavedContainer unpack(String what, Unpacking unpacking) {
    try {
      WorkFolders.Work work = folders.make();
      try {
        Path all = Files.createDirectory(work.folder().resolve("all"), ROOT_ONLY);
        unpacking.into(all);
        return new SavedFolder(all, what, Optional.of(work)).checked();
      } catch (IOException | RuntimeException e) {
        work.close();
        throw e;
      }
    } catch (IOException e) {
      throw Refusal.failedPrecondition(what + " cannot be unpacked: " + e.getMessage()).because(e);
    }
  }
}
