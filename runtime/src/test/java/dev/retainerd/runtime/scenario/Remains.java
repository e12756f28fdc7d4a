package dev.retainerd.runtime.scenario;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What a daemon may leave on a host: processes, mounts (network namespaces are pinned by them),
 * links, cgroups, leased addresses, files of containers. Finds it, and removes it after a test that
 * failed.
 */
final class Remains {
  private Remains() {}

  /** One line for each thing that is left. */
  static List<String> of(Node node) {
    List<String> found = new ArrayList<>();
    for (long pid : processes(node)) {
      found.add("process " + pid + ": " + Host.commandLine(pid));
    }
    Host.mountsBelow(node.folder()).forEach(point -> found.add("mount " + point));
    Host.linksOf(node.name()).forEach(link -> found.add("link " + link));
    for (Path group : Host.cgroupsNamed(node.name())) {
      // The parent itself is the node's, as a kubelet's would be; what is below belongs to pods.
      if (!group.getFileName().toString().equals(node.name())) {
        found.add("cgroup " + group);
      }
    }
    for (String elsewhere : List.of("/run/containerd/runc", "/run/runc")) {
      if (Files.exists(Path.of(elsewhere, node.name()))) {
        found.add("runtime state " + elsewhere + "/" + node.name());
      }
    }
    leases(node).forEach(lease -> found.add("address " + lease));
    for (String folder :
        List.of(
            "root/io.containerd.grpc.v1.cri/containers",
            "root/sandboxes",
            "state/tasks",
            "state/netns",
            "state/userns")) {
      files(node.folder().resolve(folder)).forEach(file -> found.add("file " + file));
    }
    return found;
  }

  /**
   * Processes that name the node's folder or sit in its cgroups; neither the daemon nor idle shims.
   */
  static List<Long> processes(Node node) {
    TreeSet<Long> found = new TreeSet<>(Host.processesNaming(node.folder() + "/"));
    for (Path group : Host.cgroupsNamed(node.name())) {
      found.addAll(members(group));
    }
    return List.copyOf(found);
  }

  private static List<Long> members(Path group) {
    try {
      return Files.readAllLines(group.resolve("cgroup.procs")).stream()
          .map(Long::parseLong)
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static List<Path> leases(Node node) {
    return files(node.folder().resolve("ipam")).stream()
        .filter(file -> file.getFileName().toString().matches("[0-9]+(\\.[0-9]+){3}"))
        .toList();
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> !Files.isDirectory(path)).toList();
    } catch (IOException | UncheckedIOException e) {
      // It vanished while we looked, which is what is hoped for.
      return List.of();
    }
  }

  /** Ends and removes all of it, whatever state it is in. */
  static void removeAll(Node node) {
    for (int attempt = 0; attempt < 5 && !processes(node).isEmpty(); attempt++) {
      for (long pid : processes(node)) {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
      }
      awaitQuietly(node);
    }
    for (String point : Host.mountsBelow(node.folder()).reversed()) {
      Host.run(20, List.of("umount", "-l", point));
    }
    Host.run(20, List.of("ip", "link", "delete", node.name()));
    Host.cgroupsNamed(node.name()).forEach(group -> group.toFile().delete());
    try (Stream<Path> all = Files.walk(node.folder())) {
      all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitQuietly(Node node) {
    try {
      Eventually.holds("processes gone", Duration.ofMillis(300), () -> processes(node).isEmpty());
    } catch (AssertionError e) {
      // Others may have been started meanwhile; the caller looks again.
      return;
    }
  }
}
