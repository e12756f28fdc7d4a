package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.container.RootFilesystems;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.store.proto.ContainerEntry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * Checkpoints of running containers as archives, which go on running: {@code config.dump} names the
 * image, {@code spec.dump} is the OCI spec, {@code rootfs-diff.tar} what it has written into its
 * root, {@code checkpoint/} holds CRIU's images. Thread-safe.
 */
public final class ContainerCheckpoints {
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int FILE_MODE = 0100600;

  private final Portrait portrait;
  private final ConsistentCut cuts;
  private final WorkFolders folders;

  /**
   * Makes them.
   *
   * @param folders where images lie until they are packed
   */
  public ContainerCheckpoints(
      Journal journal,
      Checkpointing checkpointing,
      RootFilesystems roots,
      ConsistentCut cuts,
      WorkFolders folders) {
    this.portrait = new Portrait(journal, checkpointing, roots);
    this.cuts = cuts;
    this.folders = folders;
  }

  /**
   * Writes the archive; it is there as a whole or not at all. The container stands still while its
   * images and its files are written, so that they fit each other.
   *
   * @param location absolute path of the file to be
   * @param seconds how long CRIU may take; 0 for ten minutes
   * @throws Refusal FAILED_PRECONDITION where the container does not run or CRIU is not able
   */
  public void write(Origin origin, ContainerEntry container, String location, long seconds) {
    String id = container.getContainer().getId();
    Path target = target(id, location);
    Patience patience =
        Patience.of(
            seconds == 0 ? PATIENCE : Duration.ofSeconds(Math.min(seconds, 86_400)), () -> false);
    try (WorkFolders.Work work = folders.make()) {
      cuts.make(
          origin,
          new ConsistentCut.Plan(
              container.getContainer().getSandboxId(), target, List.of(id), true),
          () ->
              portrait.write(
                  origin, container, target.toString(), work.folder(), work.logs(), patience),
          () -> archive(id, work, target));
    } catch (IOException e) {
      throw Unwritable.of("the checkpoint of container " + id, target, e);
    }
  }

  private static void archive(String id, WorkFolders.Work work, Path target) {
    Path partial = PodFiles.partial(target);
    try {
      Folders.remove(work.logs());
      Files.deleteIfExists(partial);
      try (OutputStream out =
          Files.newOutputStream(
              Files.createFile(
                  partial,
                  PosixFilePermissions.asFileAttribute(
                      PosixFilePermissions.fromString("rw-------"))))) {
        pack(work.folder(), out);
      }
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw Unwritable.of("the checkpoint of container " + id, target, e);
    } finally {
      Folders.removeQuietly(partial);
    }
  }

  private static Path target(String id, String location) {
    Path target = location.indexOf('\0') >= 0 ? Path.of("") : Path.of(location);
    if (!target.isAbsolute() || target.getFileName() == null) {
      throw Refusal.invalidArgument(
          "the checkpoint of container " + id + " needs the absolute path of a file as location");
    }
    if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw Refusal.invalidArgument("the location " + target + " is a folder; name a file in it");
    }
    return target;
  }

  private static void pack(Path folder, OutputStream out) throws IOException {
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(out);
        Stream<Path> all = Files.walk(folder)) {
      tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
      tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
      // What is short comes first: who wants to know what this is need not read all memory.
      List<Path> files =
          all.filter(Files::isRegularFile)
              .sorted(Comparator.comparingInt(Path::getNameCount).thenComparing(file -> file))
              .toList();
      for (Path file : files) {
        // Not of the file itself: its creation time would make a header that GNU tar warns of.
        TarArchiveEntry entry = new TarArchiveEntry(folder.relativize(file).toString());
        entry.setSize(Files.size(file));
        entry.setMode(FILE_MODE);
        entry.setModTime(Files.getLastModifiedTime(file));
        tar.putArchiveEntry(entry);
        Files.copy(file, tar);
        tar.closeArchiveEntry();
      }
      tar.finish();
    }
  }
}
