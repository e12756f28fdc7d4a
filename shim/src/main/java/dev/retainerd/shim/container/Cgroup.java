package dev.retainerd.shim.container;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a container stands in the cgroup hierarchies, v1 or v2, as /proc says of its first process.
 * Immutable; reading a file of a cgroup that is gone gives nothing.
 *
 * @param root where the hierarchies are mounted
 * @param unified the folder in the v2 hierarchy, or null on v1
 * @param controllers the folder of each v1 controller
 */
record Cgroup(Path root, Path unified, Map<String, Path> controllers) {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");

  /** Null when the process is gone. */
  static Cgroup of(int pid) {
    try {
      return of(Files.readAllLines(Path.of("/proc/" + pid + "/cgroup")), ROOT);
    } catch (IOException e) {
      return null;
    }
  }

  /**
   * What lines of /proc/PID/cgroup mean.
   *
   * @param root where the hierarchies are mounted
   */
  static Cgroup of(List<String> lines, Path root) {
    boolean pure = Files.exists(root.resolve("cgroup.controllers"));
    Path unified = null;
    Map<String, Path> controllers = new HashMap<>();
    for (String line : lines) {
      String[] fields = line.split(":", 3);
      String below = fields[2].substring(1);
      if (fields[1].isEmpty()) {
        unified = pure ? root.resolve(below) : null;
        continue;
      }
      for (String controller : fields[1].split(",")) {
        String name = controller.startsWith("name=") ? controller.substring(5) : controller;
        Path mount = root.resolve(fields[1]);
        mount = Files.isDirectory(mount) ? mount : root.resolve(name);
        controllers.put(name, mount.resolve(below));
      }
    }
    return new Cgroup(root, unified, controllers);
  }

  boolean isUnified() {
    return unified != null;
  }

  /** The folder that a controller's files of this container are in, or null. */
  Path folder(String controller) {
    return isUnified() ? unified : controllers.get(controller);
  }

  /** The path below the hierarchy's mount, to name it to people; empty when not known. */
  String name() {
    Path memory = folder("memory");
    return memory == null ? "" : "/" + root.relativize(memory);
  }

  /** A file's text, trimmed; empty when it cannot be read. */
  String text(String controller, String file) {
    Path folder = folder(controller);
    try {
      return folder == null ? "" : Files.readString(folder.resolve(file)).trim();
    } catch (IOException e) {
      return "";
    }
  }

  /** A number alone in a file; "max" and what is no number give {@code otherwise}. */
  long number(String controller, String file, long otherwise) {
    return parse(text(controller, file), otherwise);
  }

  /** Lines of the form NAME NUMBER. */
  Map<String, Long> table(String controller, String file) {
    Map<String, Long> table = new HashMap<>();
    for (String line : text(controller, file).split("\n")) {
      int space = line.indexOf(' ');
      if (space > 0) {
        table.put(line.substring(0, space), parse(line.substring(space + 1).trim(), 0));
      }
    }
    return table;
  }

  static long parse(String text, long otherwise) {
    try {
      return Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  /** How often the OOM killer struck here; 0 when it cannot be read. */
  long oomKills() {
    String file = isUnified() ? "memory.events" : "memory.oom_control";
    return table("memory", file).getOrDefault("oom_kill", 0L);
  }

  /** All pids, those of cgroups below included. */
  List<Integer> pids() {
    List<Integer> pids = new ArrayList<>();
    Path folder = isUnified() ? unified : null;
    for (String controller : new String[] {"pids", "memory", "devices", "cpu", "systemd"}) {
      folder = folder == null ? controllers.get(controller) : folder;
    }
    if (folder != null) {
      collect(folder, pids, 0);
    }
    return pids;
  }

  private static void collect(Path folder, List<Integer> pids, int depth) {
    try {
      for (String line : Files.readAllLines(folder.resolve("cgroup.procs"))) {
        pids.add(Integer.parseInt(line.trim()));
      }
      if (depth > 16) {
        return;
      }
      try (DirectoryStream<Path> below = Files.newDirectoryStream(folder, Files::isDirectory)) {
        for (Path one : below) {
          collect(one, pids, depth + 1);
        }
      }
    } catch (IOException | NumberFormatException e) {
      // Gone meanwhile: then it holds nobody.
    }
  }
}
