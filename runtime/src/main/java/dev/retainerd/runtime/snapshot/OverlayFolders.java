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

/**
 * Overlay snapshots as numbered folders: {@code NUMBER/fs} holds the files, {@code NUMBER/work} is
 * overlayfs's own.
 *
 * <p>Making and removing are idempotent, so that recovery can repeat them; whatever a kill leaves
 * is a folder that the next {@link #remove} or {@link #sweep} takes away. Thread-safe, as long as
 * two threads do not use the same number.
 */
public final class OverlayFolders {
  private static final String GONE = "gone-";
  private static final int BLOCK_BYTES = 512;

  private final Path root;
  private final boolean indexCanBeOff;

  private OverlayFolders(Path root) {
    this.root = root;
    this.indexCanBeOff = Files.exists(Path.of("/sys/module/overlay/parameters/index"));
  }

  /** Opens the folders below {@code root}, making it where it is not there. */
  public static OverlayFolders open(Path root) throws IOException {
    Files.createDirectories(root);
    return new OverlayFolders(root);
  }

  /**
   * Makes the folder of a snapshot; one that is there already is completed.
   *
   * @param parent the nearest parent, whose top folder's owner and mode are taken over; empty for
   *     none
   */
  public void make(long folder, Purpose purpose, Optional<Long> parent) throws IOException {
    Path fs = files(folder);
    Files.createDirectories(fs);
    int mode = 0755;
    int uid = 0;
    int gid = 0;
    if (parent.isPresent()) {
      FileStatus top = status(files(parent.get()));
      mode = top.permissions();
      uid = top.uid();
      gid = top.gid();
    }
    byte[] name = DirectoryCalls.name(fs.toString());
    FileStatus made = status(fs);
    if (made.uid() != uid || made.gid() != gid) {
      DirectoryCalls.chownat(DirectoryCalls.CWD, name, uid, gid);
    }
    if (made.permissions() != mode) {
      DirectoryCalls.chmodat(DirectoryCalls.CWD, name, mode);
    }
    if (purpose == Purpose.ACTIVE) {
      Files.createDirectories(root.resolve(Long.toString(folder)).resolve("work"));
    }
  }

  /**
   * What to mount for a snapshot.
   *
   * @param parents nearest first
   */
  public List<Mount> mounts(Purpose purpose, long folder, List<Long> parents) {
    if (parents.isEmpty()) {
      String access = purpose == Purpose.ACTIVE ? "rw" : "ro";
      return List.of(new Mount("bind", files(folder).toString(), List.of(access, "rbind")));
    }
    if (purpose == Purpose.VIEW && parents.size() == 1) {
      return List.of(new Mount("bind", files(parents.get(0)).toString(), List.of("ro", "rbind")));
    }
    List<String> options = new ArrayList<>();
    if (indexCanBeOff) {
      // With an index, a lower folder that was copied, or is used twice, is refused by the kernel.
      options.add("index=off");
    }
    if (purpose == Purpose.ACTIVE) {
      options.add("workdir=" + root.resolve(Long.toString(folder)).resolve("work"));
      options.add("upperdir=" + files(folder));
    }
    List<String> lower = parents.stream().map(parent -> files(parent).toString()).toList();
    options.add("lowerdir=" + String.join(":", lower));
    return List.of(new Mount("overlay", "overlay", options));
  }

  /** The folder with the snapshot's own files: an overlay's upper or lower folder. */
  public Path files(long folder) {
    return root.resolve(Long.toString(folder)).resolve("fs");
  }

  /** Whether there is a folder of that number. */
  public boolean exists(long folder) {
    return Files.isDirectory(files(folder));
  }

  /** Waits until all files of the snapshot, and of those beside it, are on disk. */
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

  /** What the snapshot's own files take; nothing where the folder is not there. */
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

  /**
   * Removes a snapshot's folder with all its files; one that is not there is fine. The folder loses
   * its number first, at once, so that no half of it can be taken for a snapshot.
   */
  public void remove(long folder) throws IOException {
    Path named = root.resolve(Long.toString(folder));
    Path gone = root.resolve(GONE + folder);
    if (Files.exists(gone)) {
      delete(gone);
    }
    try {
      Files.move(named, gone, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      return;
    }
    delete(gone);
  }

  /** The numbers of the folders that are there, whole or half made. */
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

  /** Ends removals that a kill interrupted; how many there were. */
  public int sweep() throws IOException {
    int swept = 0;
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root, GONE + "*")) {
      for (Path entry : entries) {
        delete(entry);
        swept++;
      }
    }
    return swept;
  }

  private static void delete(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
            if (e != null) {
              throw e;
            }
            Files.deleteIfExists(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static FileStatus status(Path file) throws IOException {
    return DirectoryCalls.stat(DirectoryCalls.CWD, DirectoryCalls.name(file.toString()));
  }
}
