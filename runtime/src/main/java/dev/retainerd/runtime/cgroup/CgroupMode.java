package dev.retainerd.runtime.cgroup;

/** How the node's cgroups are laid out, which decides what the OCI runtime uses as well. */
public enum CgroupMode {
  /** Version 1 hierarchies only. */
  V1,
  /** Version 1 hierarchies for most controllers with a version 2 mount beside them. */
  HYBRID,
  /** One version 2 hierarchy for all controllers. */
  UNIFIED
}
