package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.HugepageLimit;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * CRI's resources as those of the OCI spec; zero means not set. The same tree serves a running
 * container's update.
 */
public final class ResourceLimits {
  private static final Pattern CPU_LIST = Pattern.compile("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*");
  private static final long LEAST_PERIOD_MICROS = 1_000;
  private static final long MOST_PERIOD_MICROS = 1_000_000;
  private static final long LEAST_QUOTA_MICROS = 1_000;

  private ResourceLimits() {}

  /**
   * The tree {@code linux.resources} without devices.
   *
   * @throws Refusal INVALID_ARGUMENT for numbers no kernel takes, FAILED_PRECONDITION for limits
   *     this node cannot set
   */
  public static JsonObject of(LinuxContainerResources asked, HostTraits host, SpecPolicy policy) {
    check(asked);
    JsonObject resources = new JsonObject();
    cpu(asked, resources);
    memory(asked, host, resources);
    hugepages(asked, host, policy, resources);
    if (asked.getUnifiedCount() > 0) {
      if (!host.unifiedCgroups()) {
        throw Refusal.failedPrecondition(
            "unified resources are keys of cgroup v2, which this node does not use; leave them out");
      }
      JsonObject unified = JsonTree.child(resources, "unified");
      asked.getUnifiedMap().forEach(unified::addProperty);
    }
    return resources;
  }

  private static void cpu(LinuxContainerResources asked, JsonObject resources) {
    JsonObject cpu = new JsonObject();
    addUnlessZero(cpu, "shares", asked.getCpuShares());
    addUnlessZero(cpu, "quota", asked.getCpuQuota());
    addUnlessZero(cpu, "period", asked.getCpuPeriod());
    if (!asked.getCpusetCpus().isEmpty()) {
      cpu.addProperty("cpus", asked.getCpusetCpus());
    }
    if (!asked.getCpusetMems().isEmpty()) {
      cpu.addProperty("mems", asked.getCpusetMems());
    }
    if (!cpu.isEmpty()) {
      resources.add("cpu", cpu);
    }
  }

  private static void memory(LinuxContainerResources asked, HostTraits host, JsonObject resources) {
    JsonObject memory = new JsonObject();
    long limit = asked.getMemoryLimitInBytes();
    long swap = asked.getMemorySwapLimitInBytes();
    addUnlessZero(memory, "limit", limit);
    if (host.swap()) {
      // Memory and swap together: the same as memory alone means no swap.
      addUnlessZero(memory, "swap", swap == 0 ? limit : swap);
    }
    if (!memory.isEmpty()) {
      resources.add("memory", memory);
    }
  }

  private static void hugepages(
      LinuxContainerResources asked, HostTraits host, SpecPolicy policy, JsonObject resources) {
    if (policy.disableHugetlb() || asked.getHugepageLimitsCount() == 0) {
      return;
    }
    if (!host.hugetlb()) {
      if (!policy.tolerateMissingHugetlb()) {
        throw Refusal.failedPrecondition(
            "hugepage limits are asked for, but the node has no hugetlb cgroup; set"
                + " tolerate_missing_hugetlb_controller = true to drop them");
      }
      return;
    }
    List<JsonObject> limits = new ArrayList<>();
    for (HugepageLimit limit : asked.getHugepageLimitsList()) {
      limits.add(
          JsonTree.object(
              "pageSize",
              limit.getPageSize(),
              "limit",
              new BigInteger(Long.toUnsignedString(limit.getLimit()))));
    }
    resources.add("hugepageLimits", JsonTree.array(limits));
  }

  private static void addUnlessZero(JsonObject to, String name, long value) {
    if (value != 0) {
      to.addProperty(name, value);
    }
  }

  /** Refuses numbers that the kernel would refuse later, with less of a reason. */
  static void check(LinuxContainerResources asked) {
    long period = asked.getCpuPeriod();
    if (period != 0 && (period < LEAST_PERIOD_MICROS || period > MOST_PERIOD_MICROS)) {
      throw Refusal.invalidArgument(
          "cpu_period %d is not from %d to %d microseconds"
              .formatted(period, LEAST_PERIOD_MICROS, MOST_PERIOD_MICROS));
    }
    long quota = asked.getCpuQuota();
    if (quota > 0 && quota < LEAST_QUOTA_MICROS) {
      throw Refusal.invalidArgument(
          "cpu_quota %d is below %d microseconds; use -1 for no limit"
              .formatted(quota, LEAST_QUOTA_MICROS));
    }
    notBelow("cpu_quota", quota, -1);
    notBelow("cpu_shares", asked.getCpuShares(), 0);
    notBelow("memory_limit_in_bytes", asked.getMemoryLimitInBytes(), -1);
    notBelow("memory_swap_limit_in_bytes", asked.getMemorySwapLimitInBytes(), -1);
    long memory = asked.getMemoryLimitInBytes();
    long swap = asked.getMemorySwapLimitInBytes();
    if (memory > 0 && swap > 0 && swap < memory) {
      throw Refusal.invalidArgument(
          "memory_swap_limit_in_bytes %d counts memory and swap and is below the memory limit %d"
              .formatted(swap, memory));
    }
    cpuList("cpuset_cpus", asked.getCpusetCpus());
    cpuList("cpuset_mems", asked.getCpusetMems());
    OomScore.check(asked.getOomScoreAdj());
  }

  private static void notBelow(String name, long value, long least) {
    if (value < least) {
      throw Refusal.invalidArgument("%s %d is below %d".formatted(name, value, least));
    }
  }

  private static void cpuList(String name, String list) {
    if (!list.isEmpty() && !CPU_LIST.matcher(list).matches()) {
      throw Refusal.invalidArgument(
          "%s %s is no list such as 0-2,7".formatted(name, Identifiers.shortened(list)));
    }
  }
}
