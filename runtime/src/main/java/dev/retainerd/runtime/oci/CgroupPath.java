package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Path;

/**
 * Where the cgroup of a container stands, as the OCI runtime wants it: a path below every
 * hierarchy, or for systemd {@code slice:prefix:name}. Pure.
 */
public final class CgroupPath {
  /** What tools that look for CRI containers under systemd expect in the unit's name. */
  private static final String PREFIX = "cri-containerd";

  private CgroupPath() {}

  /**
   * The path of a container's cgroup.
   *
   * @param parent the pod's cgroup_parent; "" for one of our own
   * @throws Refusal INVALID_ARGUMENT for a parent that climbs, or is no slice where one is needed
   */
  public static String of(String parent, String id, boolean systemd) {
    ProcessArgs.refuseZeroByte("cgroup_parent", parent);
    for (Path part : Path.of(parent)) {
      if (part.toString().equals("..")) {
        throw Refusal.invalidArgument(
            "cgroup_parent %s climbs with ..; give a plain path"
                .formatted(Identifiers.shortened(parent)));
      }
    }
    if (!systemd) {
      return parent.isEmpty()
          ? "/k8s.io/" + id
          : Path.of("/").resolve(parent).resolve(id).normalize().toString();
    }
    String slice = parent.isEmpty() ? "system.slice" : Path.of("/", parent).getFileName() + "";
    if (!slice.endsWith(".slice")) {
      throw Refusal.invalidArgument(
          "cgroup_parent %s is no slice, but cgroups are made by systemd here; let the kubelet use"
                  .formatted(Identifiers.shortened(parent))
              + " the systemd cgroup driver, or set SystemdCgroup = false");
    }
    return slice + ":" + PREFIX + ":" + id;
  }
}
