package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Json;
import dev.retainerd.shim.wire.record.ContainerRecord;
import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Removes what an OCI runtime that was killed in the middle of a create has left, and does not
 * delete itself because it had not yet written its state: processes in the container's cgroups, the
 * cgroups, and the folder that makes the id taken (runc issue 4534). Used by one thread.
 */
final class HalfMade {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final long PATIENCE_NANOS = 2_000_000_000L;

  private HalfMade() {}

  static void remove(Bundle bundle, ContainerRecord record) {
    String path = cgroupsPath(bundle);
    // Only a group that is named after the container is surely its own; a path of systemd's kind
    // (SLICE:PREFIX:NAME) is systemd's to clean up.
    if (path.startsWith("/") && path.endsWith("/" + record.getId()) && !path.contains("..")) {
      for (Path hierarchy : hierarchies()) {
        removeGroup(hierarchy.resolve(path.substring(1)));
      }
    }
    removeState(Path.of(record.getRuntime().getRoot(), record.getId()));
  }

  private static String cgroupsPath(Bundle bundle) {
    try {
      Object spec = Json.parse(Files.readString(bundle.path().resolve("config.json")));
      return Json.get(spec, "linux", "cgroupsPath") instanceof String path ? path : "";
    } catch (IOException | IllegalArgumentException e) {
      return "";
    }
  }

  private static List<Path> hierarchies() {
    List<Path> found = new ArrayList<>();
    if (Files.exists(ROOT.resolve("cgroup.controllers"))) {
      found.add(ROOT);
      return found;
    }
    File[] folders = ROOT.toFile().listFiles(File::isDirectory);
    for (File folder : folders == null ? new File[0] : folders) {
      if (!Files.isSymbolicLink(folder.toPath())) {
        found.add(folder.toPath());
      }
    }
    return found;
  }

  private static void removeGroup(Path group) {
    if (!Files.isDirectory(group)) {
      return;
    }
    File[] below = group.toFile().listFiles(File::isDirectory);
    for (File one : below == null ? new File[0] : below) {
      removeGroup(one.toPath());
    }
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!group.toFile().delete() && Files.exists(group) && System.nanoTime() < deadline) {
      killMembers(group);
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static void killMembers(Path group) {
    try {
      for (String line : Files.readAllLines(group.resolve("cgroup.procs"))) {
        Processes.signal(Integer.parseInt(line.trim()), Processes.SIGKILL);
      }
    } catch (IOException | NumberFormatException e) {
      // Gone meanwhile.
    }
  }

  /** Only files of the runtime's own, one level deep. */
  private static void removeState(Path folder) {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
        for (Path file : files) {
          Files.deleteIfExists(file);
        }
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      System.err.println("the runtime's folder " + folder + " stays: " + e.getMessage());
    }
  }
}
