package dev.retainerd.runtime.cgroup;

import java.util.List;

/**
 * A cgroup found below a parent, for comparison with what should be there.
 *
 * @param path from the root of the hierarchies, such as /kubepods/pod1/c1
 * @param controllers of the hierarchies in which it exists
 * @param pids processes in it, but not in its children
 */
public record CgroupEntry(String path, List<String> controllers, List<Integer> pids) {
  public CgroupEntry {
    controllers = List.copyOf(controllers);
    pids = List.copyOf(pids);
  }
}
