package dev.retainerd.runtime.cgroup;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Where this process was in the node's cgroups when it was asked: an administrator may move it.
 * Immutable.
 */
public final class OwnCgroup {
  /** Where the kernel says it. */
  static final Path SELF = Path.of("/proc/self/cgroup");

  private static final int FIELDS = 3;

  private final List<String> lines;

  private OwnCgroup(List<String> lines) {
    this.lines = lines;
  }

  /** Asks the kernel. */
  public static OwnCgroup read() throws IOException {
    return read(SELF);
  }

  /** The same from another file in the kernel's format. */
  static OwnCgroup read(Path self) throws IOException {
    return new OwnCgroup(Files.readAllLines(self));
  }

  /** Its path in the hierarchy of version 2; empty where that lies outside of what is mounted. */
  public Optional<String> unified() {
    return path(true, Set.of());
  }

  /** Its folder; empty where that lies outside of what is mounted. */
  Optional<Path> in(Hierarchy hierarchy) {
    return path(hierarchy.v2(), hierarchy.controllers()).map(hierarchy::folder);
  }

  private Optional<String> path(boolean v2, Set<String> controllers) {
    for (String line : lines) {
      String[] parts = line.split(":", FIELDS);
      boolean ours =
          parts.length == FIELDS
              && (v2
                  ? parts[0].equals("0")
                  : controllers.containsAll(List.of(parts[1].split(","))));
      if (ours && parts[2].startsWith("/") && !parts[2].startsWith("/..")) {
        return Optional.of(parts[2]);
      }
    }
    return Optional.empty();
  }
}
