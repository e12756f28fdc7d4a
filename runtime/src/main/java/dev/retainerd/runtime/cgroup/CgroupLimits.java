package dev.retainerd.runtime.cgroup;

import java.util.Map;

/**
 * Limits as the OCI runtime specification counts them; 0 or empty leaves the kernel's value as it
 * is, -1 means without limit.
 *
 * @param memoryBytes most memory
 * @param memoryAndSwapBytes most memory and swap together, as version 1 counts
 * @param cpuShares weight from 2 to 262144; version 2 gets the equivalent from 1 to 10000
 * @param cpuQuotaMicros processor time in each period
 * @param cpuPeriodMicros the period
 * @param cpus list such as 0-3,7
 * @param memoryNodes list of NUMA nodes
 * @param pids most processes
 * @param hugepageBytes by page size as the kernel names it, such as 2MB
 * @param unified files of version 2 with what to write in them
 */
public record CgroupLimits(
    long memoryBytes,
    long memoryAndSwapBytes,
    long cpuShares,
    long cpuQuotaMicros,
    long cpuPeriodMicros,
    String cpus,
    String memoryNodes,
    long pids,
    Map<String, Long> hugepageBytes,
    Map<String, String> unified) {

  public CgroupLimits {
    hugepageBytes = Map.copyOf(hugepageBytes);
    unified = Map.copyOf(unified);
  }

  public static CgroupLimits none() {
    return new CgroupLimits(0, 0, 0, 0, 0, "", "", 0, Map.of(), Map.of());
  }
}
