package dev.retainerd.bench.node;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a run leaves on the host while it lasts, and how it goes again: processes, mounts, a bridge,
 * cgroups, a folder. The folder holds a note of whose it is, so that the next run can remove what a
 * killed one left.
 */
public final class Traces {
  private static final String PREFIX = "retain-bench-";
  private static final String NOTE = "owner";
  private static final Path PARENT = Path.of("/tmp");
  private static final int KILL_ATTEMPTS = 5;
  private static final long KILL_PAUSE_MILLIS = 50;

  private Traces() {}

  /**
   * A folder for this run alone; only root may look in. One below another such folder has a shorter
   * name: sockets of shims lie deep in it, and their paths end at some hundred bytes.
   */
  public static Path newFolder(Path parent) throws IOException {
    return Files.createTempDirectory(
        parent,
        parent.equals(PARENT) ? PREFIX : "",
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  /** Notes that {@code folder} is of this process, and what else goes with it. */
  public static void own(Path folder, String bridge, String cgroup) throws IOException {
    long pid = ProcessHandle.current().pid();
    Files.writeString(
        folder.resolve(NOTE),
        pid + "\n" + Processes.startTicks(pid) + "\n" + bridge + "\n" + cgroup + "\n");
  }

  /** Removes what runs that were killed left behind; what belongs to a live run stays. */
  public static void removeOrphans() {
    File[] folders = PARENT.toFile().listFiles((parent, name) -> name.startsWith(PREFIX));
    for (File folder : folders == null ? new File[0] : folders) {
      Path note = folder.toPath().resolve(NOTE);
      try {
        List<String> lines = Files.isReadable(note) ? Files.readAllLines(note) : List.of();
        if (lines.size() == 4 && isOrphan(lines)) {
          System.err.println("retain-bench: removing what an earlier run left in " + folder);
          remove(folder.toPath(), lines.get(2), lines.get(3), true);
        }
      } catch (IOException | NumberFormatException e) {
        System.err.println("retain-bench: " + note + " can't be read: " + e.getMessage());
      }
    }
  }

  private static boolean isOrphan(List<String> note) {
    long pid = Long.parseLong(note.get(0));
    return Processes.startTicks(pid) != Long.parseLong(note.get(1));
  }

  /**
   * Removes {@code folder} and what goes with it.
   *
   * @param bridge its network interface; empty where there is none
   * @param cgroup a path from the root of each hierarchy
   * @param processes whether those that name the folder, or have mounts of it, are killed first
   */
  public static void remove(Path folder, String bridge, String cgroup, boolean processes) {
    for (int i = 0; processes && i < KILL_ATTEMPTS && killAll(folder); i++) {
      try {
        Thread.sleep(KILL_PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    Mounts.unmountBelow(folder);
    if (!bridge.isEmpty()) {
      Commands.runQuietly("ip", "link", "delete", bridge);
    }
    removeCgroups(cgroup);
    delete(folder);
  }

  private static boolean killAll(Path folder) {
    List<Long> rest =
        Stream.concat(
                Processes.withCommandLine(folder.toString()).stream(),
                Processes.withMountsOf(folder).stream())
            .distinct()
            .toList();
    rest.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    return !rest.isEmpty();
  }

  /** Empty groups only: the kernel refuses to remove what another run still uses. */
  private static void removeCgroups(String cgroup) {
    for (Path group : cgroupFolders(cgroup)) {
      removeGroup(group.toFile());
      group.getParent().toFile().delete();
    }
  }

  /** The folder of {@code cgroup} in each hierarchy that has it. */
  static List<Path> cgroupFolders(String cgroup) {
    File[] hierarchies = new File("/sys/fs/cgroup").listFiles(File::isDirectory);
    return Stream.concat(
            Stream.of(Path.of("/sys/fs/cgroup")),
            Stream.of(hierarchies == null ? new File[0] : hierarchies).map(File::toPath))
        .map(hierarchy -> hierarchy.resolve(cgroup.substring(1)))
        .filter(Files::isDirectory)
        .toList();
  }

  private static void removeGroup(File group) {
    File[] below = group.listFiles(File::isDirectory);
    Stream.of(below == null ? new File[0] : below).forEach(Traces::removeGroup);
    group.delete();
  }

  /** Deletes a folder and everything in it, without following links. */
  public static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException | java.io.UncheckedIOException e) {
      System.err.println("retain-bench: " + folder + " could not be removed: " + e.getMessage());
    }
  }
}
