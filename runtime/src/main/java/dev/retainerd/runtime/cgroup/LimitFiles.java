package dev.retainerd.runtime.cgroup;

import dev.retainerd.runtime.error.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Turns limits into the files of a hierarchy that hold them, in an order the kernel accepts. Pure.
 */
final class LimitFiles {
  private static final long DEFAULT_PERIOD_MICROS = 100_000;

  private LimitFiles() {}

  /**
   * What to write where.
   *
   * @param controller whose file it is
   */
  record Setting(String controller, String file, String value) {}

  static List<Setting> of(CgroupLimits limits, boolean v2) {
    return v2 ? version2(limits) : version1(limits);
  }

  private static List<Setting> version1(CgroupLimits limits) {
    if (!limits.unified().isEmpty()) {
      throw Refusal.invalidArgument(
          "the limit \""
              + limits.unified().keySet().iterator().next()
              + "\" is of cgroup version 2, but this node has version 1; use the named limits");
    }
    List<Setting> settings = new ArrayList<>();
    long memory = limits.memoryBytes();
    long both = limits.memoryAndSwapBytes();
    if (memory != 0 && both != 0) {
      // Neither file may ever say that memory exceeds memory and swap together; whether the way
      // is up or down is not known here, so the outer one is lifted first.
      settings.add(new Setting("memory", "memory.memsw.limit_in_bytes", "-1"));
    }
    add(settings, "memory", "memory.limit_in_bytes", memory);
    add(settings, "memory", "memory.memsw.limit_in_bytes", both);
    add(settings, "cpu", "cpu.shares", limits.cpuShares());
    add(settings, "cpu", "cpu.cfs_period_us", limits.cpuPeriodMicros());
    add(settings, "cpu", "cpu.cfs_quota_us", limits.cpuQuotaMicros());
    addSets(settings, limits);
    if (limits.pids() != 0) {
      settings.add(new Setting("pids", "pids.max", orMax(limits.pids())));
    }
    limits
        .hugepageBytes()
        .forEach(
            (size, bytes) ->
                add(settings, "hugetlb", "hugetlb." + size + ".limit_in_bytes", bytes));
    return settings;
  }

  private static List<Setting> version2(CgroupLimits limits) {
    List<Setting> settings = new ArrayList<>();
    long memory = limits.memoryBytes();
    long both = limits.memoryAndSwapBytes();
    if (memory != 0) {
      settings.add(new Setting("memory", "memory.max", orMax(memory)));
    }
    if (both == -1) {
      settings.add(new Setting("memory", "memory.swap.max", "max"));
    } else if (both > 0 && memory > 0) {
      String swap = Long.toString(Math.max(0, both - memory));
      settings.add(new Setting("memory", "memory.swap.max", swap));
    }
    if (limits.cpuShares() > 0) {
      settings.add(new Setting("cpu", "cpu.weight", Long.toString(weight(limits.cpuShares()))));
    }
    if (limits.cpuQuotaMicros() != 0 || limits.cpuPeriodMicros() != 0) {
      long period = limits.cpuPeriodMicros() > 0 ? limits.cpuPeriodMicros() : DEFAULT_PERIOD_MICROS;
      String quota = limits.cpuQuotaMicros() == 0 ? "max" : orMax(limits.cpuQuotaMicros());
      settings.add(new Setting("cpu", "cpu.max", quota + " " + period));
    }
    addSets(settings, limits);
    if (limits.pids() != 0) {
      settings.add(new Setting("pids", "pids.max", orMax(limits.pids())));
    }
    limits
        .hugepageBytes()
        .forEach(
            (size, bytes) ->
                settings.add(new Setting("hugetlb", "hugetlb." + size + ".max", orMax(bytes))));
    for (Map.Entry<String, String> entry : limits.unified().entrySet()) {
      settings.add(unified(entry.getKey(), entry.getValue()));
    }
    return settings;
  }

  private static Setting unified(String file, String value) {
    int dot = file.indexOf('.');
    if (dot <= 0 || file.indexOf('/') >= 0) {
      throw Refusal.invalidArgument(
          "the cgroup file \"" + file + "\" is no file name of version 2, such as memory.high");
    }
    return new Setting(file.substring(0, dot), file, value);
  }

  private static void add(List<Setting> settings, String controller, String file, long value) {
    if (value != 0) {
      settings.add(new Setting(controller, file, Long.toString(value)));
    }
  }

  private static void addSets(List<Setting> settings, CgroupLimits limits) {
    if (!limits.cpus().isEmpty()) {
      settings.add(new Setting("cpuset", "cpuset.cpus", limits.cpus()));
    }
    if (!limits.memoryNodes().isEmpty()) {
      settings.add(new Setting("cpuset", "cpuset.mems", limits.memoryNodes()));
    }
  }

  private static String orMax(long value) {
    return value < 0 ? "max" : Long.toString(value);
  }

  /** From 2..262144 to 1..10000, linearly, as the OCI runtimes do. */
  private static long weight(long shares) {
    long bounded = Math.clamp(shares, 2, 262_144);
    return 1 + (bounded - 2) * 9999 / 262_142;
  }
}
