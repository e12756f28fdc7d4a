package dev.retainerd.runtime.snapshot;

import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Overlay snapshots as numbered folders: {@code NUMBER/fs} holds the files, {@code NUMBER/work} is
 * overlayfs's own. Thread-safe, as long as two threads do not use the same number.
 */
public final class OverlayFolders extends NumberedFolders {
  /** The name by which clients ask for it. */
  public static final String NAME = "overlayfs";

  private static final int FOLDER_PERMISSIONS = 0777;

  private final boolean indexCanBeOff;

  private OverlayFolders(Path root) {
    super(root);
    this.indexCanBeOff = Files.exists(Path.of("/sys/module/overlay/parameters/index"));
  }

  /** Opens the folders below {@code root}, making it where it is not there. */
  public static OverlayFolders open(Path root) throws IOException {
    Files.createDirectories(root);
    return new OverlayFolders(root);
  }

  /** File systems whose folders the kernel does not take as an overlay's upper ones. */
  private static final Set<String> UNFIT =
      Set.of("overlay", "nfs", "nfs4", "ecryptfs", "vfat", "exfat", "9p", "fuseblk");

  /**
   * Why there are no overlays on this folder's file system; empty where there are, or where it is
   * not known. Which file systems and kernels can carry one is known for some by their names; for
   * the rest it is tried, unless snapshots are there already: they were made by something.
   *
   * @param folder has the folders of snapshotters; need not exist, but something above it does
   */
  public static Optional<String> missingOn(Path folder) throws IOException {
    Path there = nearestThere(folder);
    String type = Files.getFileStore(there).type();
    if (UNFIT.contains(type)) {
      return Optional.of("overlayfs cannot write to " + there + ", which is on " + type);
    }
    Path kernel = Path.of("/proc/filesystems");
    boolean known =
        !Files.exists(kernel)
            || Files.readAllLines(kernel).stream().anyMatch(line -> line.endsWith("\toverlay"));
    if (!known && !Files.isDirectory(Path.of("/lib/modules", release()))) {
      return Optional.of("this kernel has no overlayfs");
    }
    if (!Files.isDirectory(folder) || hasSnapshots(folder.resolve(NAME))) {
      return Optional.empty();
    }
    return OverlayTrial.faultOn(folder)
        .map(
            fault ->
                "overlayfs does not work on " + there + ", which is on " + type + ": " + fault);
  }

  private static Path nearestThere(Path folder) {
    Path there = folder.toAbsolutePath();
    while (!Files.exists(there)) {
      there = there.getParent();
    }
    return there;
  }

  private static boolean hasSnapshots(Path root) throws IOException {
    return Files.isDirectory(root) && !new OverlayFolders(root).list().isEmpty();
  }

  /** A kernel with modules may load overlayfs when it is first mounted. */
  private static String release() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean holdsDifferences() {
    return true;
  }

  /** The parent's top folder lends its owner and mode. */
  @Override
  public void make(long folder, Purpose purpose, Optional<Long> parent) throws IOException {
    Path fs = files(folder);
    directory(folder(folder));
    directory(fs);
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
      directory(folder(folder).resolve("work"));
    }
  }

  /** One that is there already is fine; its parent must be there. */
  private static void directory(Path made) throws IOException {
    try {
      DirectoryCalls.mkdirat(
          DirectoryCalls.CWD, DirectoryCalls.name(made.toString()), FOLDER_PERMISSIONS);
    } catch (SystemCallException e) {
      if (!e.is(Errno.EEXIST)) {
        throw e;
      }
    }
  }

  @Override
  public List<Mount> mounts(Purpose purpose, long folder, List<Long> parents) {
    if (parents.isEmpty()) {
      String access = purpose == Purpose.VIEW ? "ro" : "rw";
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

  private static FileStatus status(Path file) throws IOException {
    return DirectoryCalls.stat(DirectoryCalls.CWD, DirectoryCalls.name(file.toString()));
  }
}
