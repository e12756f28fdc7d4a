package dev.retainerd.runtime.cgroup;

import java.nio.file.Path;
import java.util.Set;

/**
 * One mounted tree of cgroups.
 *
 * @param controllers what it controls; name=systemd and the like for a tree that only groups
 * @param v2 version 2, where controllers are enabled from the parent
 */
record Hierarchy(Path mount, Set<String> controllers, boolean v2) {
  Hierarchy {
    controllers = Set.copyOf(controllers);
  }

  boolean has(String controller) {
    return controllers.contains(controller);
  }

  /** The folder of a cgroup path such as /kubepods/pod1. */
  Path folder(String path) {
    return mount.resolve(path.substring(1));
  }
}
