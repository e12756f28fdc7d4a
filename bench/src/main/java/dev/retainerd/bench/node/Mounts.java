package dev.retainerd.bench.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The mounts of this process's namespace. */
final class Mounts {
  private static final int MOUNT_POINT_FIELD = 4;

  private Mounts() {}

  /** Detaches everything below {@code folder}, the innermost first. */
  static void unmountBelow(Path folder) {
    for (String point : below(folder).reversed()) {
      Commands.runQuietly("umount", "-l", point);
    }
  }

  private static List<String> below(Path folder) {
    List<String> found = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
        String point = line.split(" ")[MOUNT_POINT_FIELD];
        if (point.startsWith(folder + "/")) {
          found.add(point);
        }
      }
    } catch (IOException e) {
      System.err.println("retain-bench: the list of mounts can't be read: " + e.getMessage());
    }
    return found;
  }
}
