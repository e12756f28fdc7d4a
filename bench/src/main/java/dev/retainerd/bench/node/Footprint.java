package dev.retainerd.bench.node;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * How much of the host's things a node holds: with the same pods running, the same number before
 * and after, or something leaked. History (the node's root folder) grows by right and is left out.
 *
 * @param mounts mount points below the node's folder, pinned namespaces left out
 * @param networks network namespaces pinned below its folder
 * @param cgroups groups below its cgroup, over all hierarchies
 * @param processes those that name its folder
 * @param interfaces ports of its bridge
 * @param files in its state folder and its store of addresses
 */
public record Footprint(
    long mounts, long networks, long cgroups, long processes, long interfaces, long files) {

  /** Counts now. */
  public static Footprint of(Node node) {
    List<String> mounts = Mounts.linesBelow(node.folder());
    long networks = mounts.stream().filter(line -> line.contains(" - nsfs ")).count();
    return new Footprint(
        mounts.size() - networks,
        networks,
        Traces.cgroupFolders(node.cgroup()).stream().mapToLong(Footprint::folders).sum(),
        Processes.withCommandLine(node.folder().toString()).size(),
        entries(new File("/sys/class/net/" + node.bridge() + "/brif")),
        files(node.folder().resolve("state")) + files(node.folder().resolve("ipam")));
  }

  /** What is there now and was not there before, by name; empty when nothing leaked. */
  public Map<String, Long> beyond(Footprint before) {
    Map<String, Long> more = new LinkedHashMap<>();
    put(more, "mounts", mounts - before.mounts);
    put(more, "network namespaces", networks - before.networks);
    put(more, "cgroups", cgroups - before.cgroups);
    put(more, "processes", processes - before.processes);
    put(more, "veths", interfaces - before.interfaces);
    put(more, "files", files - before.files);
    return more;
  }

  private static void put(Map<String, Long> into, String name, long more) {
    if (more > 0) {
      into.put(name, more);
    }
  }

  private static long entries(File folder) {
    String[] names = folder.list();
    return names == null ? 0 : names.length;
  }

  private static long folders(Path folder) {
    return count(folder, true);
  }

  private static long files(Path folder) {
    return Files.isDirectory(folder) ? count(folder, false) : 0;
  }

  /** What goes away meanwhile was not left behind. */
  private static long count(Path folder, boolean folders) {
    try (Stream<Path> all = Files.list(folder)) {
      long found = 0;
      for (Path path : all.toList()) {
        if (Files.isDirectory(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
          found += (folders ? 1 : 0) + (isMountedRootfs(path) ? 0 : count(path, folders));
        } else if (!folders) {
          found++;
        }
      }
      return found;
    } catch (IOException e) {
      return 0;
    }
  }

  /** The files of a container are not the node's. */
  private static boolean isMountedRootfs(Path path) {
    return path.endsWith("rootfs");
  }
}
