package dev.retainerd.runtime.snapshot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Snapshots as whole copies of their parents, for file systems that overlayfs does not work on.
 * They cost the disk what they hold, unless the file system shares blocks between copies.
 * Thread-safe, as long as two threads do not use the same number.
 */
public final class NativeFolders extends NumberedFolders {
  /** The name by which clients ask for it. */
  public static final String NAME = "native";

  private static final String COPYING = "copying";

  private NativeFolders(Path root) {
    super(root);
  }

  /** Opens the folders below {@code root}, making it where it is not there. */
  public static NativeFolders open(Path root) throws IOException {
    Files.createDirectories(root);
    return new NativeFolders(root);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean holdsDifferences() {
    return false;
  }

  /** A copy gets its name when it is whole: one that a kill cut short is begun anew. */
  @Override
  public void make(long folder, Purpose purpose, Optional<Long> parent) throws IOException {
    if (exists(folder)) {
      return;
    }
    Path copying = folder(folder).resolve(COPYING);
    Trees.delete(copying);
    Files.createDirectories(folder(folder));
    if (parent.isPresent() && purpose != Purpose.VIEW) {
      Trees.copy(files(parent.get()), copying);
    } else {
      Files.createDirectory(copying);
      Trees.mode(copying, 0755);
    }
    Files.move(copying, files(folder));
  }

  @Override
  public List<Mount> mounts(Purpose purpose, long folder, List<Long> parents) {
    boolean view = purpose == Purpose.VIEW;
    // A view needs no copy: what it shows is committed, and will not change.
    Path source = view && !parents.isEmpty() ? files(parents.get(0)) : files(folder);
    return List.of(new Mount("bind", source.toString(), List.of(view ? "ro" : "rw", "rbind")));
  }
}
