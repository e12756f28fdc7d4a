package dev.retainerd.runtime.snapshot;

import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.FileStatus;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What folders of snapshots have in common: numbers, with the files below {@code NUMBER/fs}. */
abstract class NumberedFolders implements SnapshotFolders {
  private static final String GONE = "gone-";
  private static final int BLOCK_BYTES = 512;

  final Path root;

  NumberedFolders(Path root) {
    this.root = root;
  }

  @Override
  public final Path files(long folder) {
    return folder(folder).resolve("fs");
  }

  final Path folder(long folder) {
    return root.resolve(Long.toString(folder));
  }

  @Override
  public final boolean exists(long folder) {
    return Files.isDirectory(files(folder));
  }

  @Override
  public void sync(long folder) throws IOException {
    byte[] name = DirectoryCalls.name(files(folder).toString());
    int flags = DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY;
    int fd = DirectoryCalls.openat(DirectoryCalls.CWD, name, flags, 0);
    try {
      DirectoryCalls.syncfs(fd);
    } finally {
      DirectoryCalls.close(fd);
    }
  }

  @Override
  public Usage usage(long folder) throws IOException {
    long[] blocksAndInodes = new long[2];
    Set<Long> linked = new HashSet<>();
    try {
      Files.walkFileTree(
          files(folder),
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes)
                throws IOException {
              return visitFile(dir, attributes);
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              count(file, attributes.size(), linked, blocksAndInodes);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
              // A running container may remove a file under our eyes.
              if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
              }
              throw e;
            }
          });
    } catch (NoSuchFileException e) {
      return new Usage(0, 0);
    }
    return new Usage(blocksAndInodes[0] * BLOCK_BYTES, blocksAndInodes[1]);
  }

  private static void count(Path file, long size, Set<Long> linked, long[] blocksAndInodes)
      throws IOException {
    // The JDK's attributes hold no block count, and du counts what is used, not what is claimed.
    byte[] name = DirectoryCalls.name(file.toString());
    Optional<FileStatus> status = DirectoryCalls.statIfThere(DirectoryCalls.CWD, name);
    if (status.isEmpty()) {
      // Gone meanwhile, or its name is no valid text and cannot be asked for: its size will do.
      blocksAndInodes[0] += (size + BLOCK_BYTES - 1) / BLOCK_BYTES;
      blocksAndInodes[1]++;
      return;
    }
    boolean several = status.get().links() > 1 && !status.get().isDirectory();
    if (several && !linked.add(status.get().inode())) {
      return;
    }
    blocksAndInodes[0] += status.get().blocks512();
    blocksAndInodes[1]++;
  }

  /** The folder loses its number first, at once: no half of it can be taken for a snapshot. */
  @Override
  public void remove(long folder) throws IOException {
    Path named = root.resolve(Long.toString(folder));
    Path gone = root.resolve(GONE + folder);
    if (Files.exists(gone)) {
      Trees.delete(gone);
    }
    try {
      Files.move(named, gone, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      return;
    }
    Trees.delete(gone);
  }

  @Override
  public List<Long> list() throws IOException {
    List<Long> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        if (!name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
          found.add(Long.parseLong(name));
        }
      }
    }
    return found;
  }

  @Override
  public int sweep() throws IOException {
    int swept = 0;
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root, GONE + "*")) {
      for (Path entry : entries) {
        Trees.delete(entry);
        swept++;
      }
    }
    return swept;
  }
}
