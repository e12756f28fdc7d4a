package dev.retainerd.bench.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The mounts of this process's namespace. */
final class Mounts {
  private static final int MOUNT_POINT_FIELD = 4;

  private Mounts() {}

  /** Detaches everything below {@code folder}, the innermost first. */
  static void unmountBelow(Path folder) {
    for (String line : linesBelow(folder).reversed()) {
      Commands.runQuietly("umount", "-l", pointOf(line));
    }
  }

  /** The lines of mountinfo whose mount point lies below {@code folder}, in mount order. */
  static List<String> linesBelow(Path folder) {
    try {
      return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
          .filter(line -> pointOf(line).startsWith(folder + "/"))
          .toList();
    } catch (IOException e) {
      System.err.println("retain-bench: the list of mounts can't be read: " + e.getMessage());
      return List.of();
    }
  }

  private static String pointOf(String line) {
    return line.split(" ")[MOUNT_POINT_FIELD];
  }
}
