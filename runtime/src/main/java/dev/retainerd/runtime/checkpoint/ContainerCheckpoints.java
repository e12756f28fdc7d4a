package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * Checkpoints of running containers as archives, which go on running: {@code checkpoint/} holds
 * CRIU's images, {@code spec.dump} the OCI spec, {@code config.dump} the container's configuration.
 * Thread-safe.
 */
public final class ContainerCheckpoints {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int FILE_MODE = 0100600;

  private final Journal journal;
  private final Checkpointing checkpointing;
  private final Dump dump;
  private final WorkFolders folders;

  /**
   * Makes them.
   *
   * @param folders where images lie until they are packed
   */
  public ContainerCheckpoints(Journal journal, Checkpointing checkpointing, WorkFolders folders) {
    this.journal = journal;
    this.checkpointing = checkpointing;
    this.dump = new Dump(checkpointing);
    this.folders = folders;
  }

  /**
   * Writes the archive; it is there as a whole or not at all.
   *
   * @param location absolute path of the file to be
   * @param seconds how long CRIU may take; 0 for ten minutes
   * @throws Refusal FAILED_PRECONDITION where the container does not run or CRIU is not able
   */
  public void write(Origin origin, ContainerEntry container, String location, long seconds) {
    String id = container.getContainer().getId();
    Path target = target(id, location);
    Duration patience = seconds == 0 ? PATIENCE : Duration.ofSeconds(Math.min(seconds, 86_400));
    try (WorkFolders.Work work = folders.make()) {
      checkpointing.run(
          origin,
          NAMESPACE,
          id,
          new Checkpointing.Plan(target.toString(), false),
          () -> {
            dump.write(
                NAMESPACE,
                id,
                work.images(),
                work.logs(),
                CheckpointOptions.getDefaultInstance(),
                patience);
            archive(container, work, target);
            return "";
          });
    } catch (IOException e) {
      throw unwritable(id, target, e);
    }
  }

  private void archive(ContainerEntry container, WorkFolders.Work work, Path target) {
    String id = container.getContainer().getId();
    Path partial = target.resolveSibling(target.getFileName() + ".partial");
    try {
      Folders.remove(work.logs());
      write(
          work.folder(),
          "config.dump",
          container.getContainer().getCri().getConfig().toByteArray());
      byte[] spec =
          journal
              .state()
              .get(Kind.SPEC.key(NAMESPACE, id))
              .map(entry -> entry.getSpec().getValue().toByteArray())
              .orElse(new byte[0]);
      write(work.folder(), "spec.dump", spec);
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
      throw unwritable(id, target, e);
    } finally {
      Folders.removeQuietly(partial);
    }
  }

  private static Refusal unwritable(String id, Path target, IOException e) {
    return Refusal.failedPrecondition(
            "the checkpoint of container " + id + " cannot be written to " + target)
        .because(e);
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

  private static void write(Path folder, String name, byte[] content) throws IOException {
    Files.write(folder.resolve(name), content);
  }

  private static void pack(Path folder, OutputStream out) throws IOException {
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(out);
        Stream<Path> all = Files.walk(folder)) {
      tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
      tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
      List<Path> files = all.filter(Files::isRegularFile).sorted().toList();
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
