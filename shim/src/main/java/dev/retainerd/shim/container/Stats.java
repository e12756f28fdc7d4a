package dev.retainerd.shim.container;

import com.google.protobuf.MessageLite;
import dev.retainerd.shim.wire.cgroups1.BlkIOEntry;
import dev.retainerd.shim.wire.cgroups1.BlkIOStat;
import dev.retainerd.shim.wire.cgroups1.CPUStat;
import dev.retainerd.shim.wire.cgroups1.CPUUsage;
import dev.retainerd.shim.wire.cgroups1.MemoryEntry;
import dev.retainerd.shim.wire.cgroups1.MemoryOomControl;
import dev.retainerd.shim.wire.cgroups1.MemoryStat;
import dev.retainerd.shim.wire.cgroups1.Metrics;
import dev.retainerd.shim.wire.cgroups1.PidsStat;
import dev.retainerd.shim.wire.cgroups1.Throttle;
import dev.retainerd.shim.wire.cgroups2.IOEntry;
import dev.retainerd.shim.wire.cgroups2.IOStat;
import dev.retainerd.shim.wire.cgroups2.MemoryEvents;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a container uses, in the message that containerd's clients know for the cgroup version.
 *
 * @param type the name of the message
 */
public record Stats(String type, MessageLite message) {
  static Stats read(Cgroup cgroup) {
    return cgroup.isUnified()
        ? new Stats("io.containerd.cgroups.v2.Metrics", second(cgroup))
        : new Stats("io.containerd.cgroups.v1.Metrics", first(cgroup));
  }

  private static Metrics first(Cgroup cgroup) {
    CPUUsage.Builder usage =
        CPUUsage.newBuilder().setTotal(cgroup.number("cpuacct", "cpuacct.usage", 0));
    for (String one : cgroup.text("cpuacct", "cpuacct.usage_percpu").split(" ")) {
      if (!one.isEmpty()) {
        usage.addPerCpu(Long.parseUnsignedLong(one));
      }
    }
    usage.setUser(cgroup.number("cpuacct", "cpuacct.usage_user", 0));
    usage.setKernel(cgroup.number("cpuacct", "cpuacct.usage_sys", 0));
    Map<String, Long> throttle = cgroup.table("cpu", "cpu.stat");
    Map<String, Long> oom = cgroup.table("memory", "memory.oom_control");
    return Metrics.newBuilder()
        .setPids(
            PidsStat.newBuilder()
                .setCurrent(cgroup.number("pids", "pids.current", 0))
                .setLimit(cgroup.number("pids", "pids.max", 0)))
        .setCpu(
            CPUStat.newBuilder()
                .setUsage(usage)
                .setThrottling(
                    Throttle.newBuilder()
                        .setPeriods(of(throttle, "nr_periods"))
                        .setThrottledPeriods(of(throttle, "nr_throttled"))
                        .setThrottledTime(of(throttle, "throttled_time"))))
        .setMemory(memory(cgroup))
        .setBlkio(
            BlkIOStat.newBuilder()
                .addAllIoServiceBytesRecursive(io(cgroup, "blkio.throttle.io_service_bytes"))
                .addAllIoServicedRecursive(io(cgroup, "blkio.throttle.io_serviced")))
        .setMemoryOomControl(
            MemoryOomControl.newBuilder()
                .setOomKillDisable(of(oom, "oom_kill_disable"))
                .setUnderOom(of(oom, "under_oom"))
                .setOomKill(of(oom, "oom_kill")))
        .build();
  }

  private static MemoryStat memory(Cgroup cgroup) {
    Map<String, Long> stat = cgroup.table("memory", "memory.stat");
    return MemoryStat.newBuilder()
        .setCache(of(stat, "cache"))
        .setRss(of(stat, "rss"))
        .setRssHuge(of(stat, "rss_huge"))
        .setMappedFile(of(stat, "mapped_file"))
        .setDirty(of(stat, "dirty"))
        .setWriteback(of(stat, "writeback"))
        .setPgPgIn(of(stat, "pgpgin"))
        .setPgPgOut(of(stat, "pgpgout"))
        .setPgFault(of(stat, "pgfault"))
        .setPgMajFault(of(stat, "pgmajfault"))
        .setInactiveAnon(of(stat, "inactive_anon"))
        .setActiveAnon(of(stat, "active_anon"))
        .setInactiveFile(of(stat, "inactive_file"))
        .setActiveFile(of(stat, "active_file"))
        .setUnevictable(of(stat, "unevictable"))
        .setHierarchicalMemoryLimit(of(stat, "hierarchical_memory_limit"))
        .setHierarchicalSwapLimit(of(stat, "hierarchical_memsw_limit"))
        .setTotalCache(of(stat, "total_cache"))
        .setTotalRss(of(stat, "total_rss"))
        .setTotalMappedFile(of(stat, "total_mapped_file"))
        .setTotalPgFault(of(stat, "total_pgfault"))
        .setTotalPgMajFault(of(stat, "total_pgmajfault"))
        .setTotalInactiveAnon(of(stat, "total_inactive_anon"))
        .setTotalActiveAnon(of(stat, "total_active_anon"))
        .setTotalInactiveFile(of(stat, "total_inactive_file"))
        .setTotalActiveFile(of(stat, "total_active_file"))
        .setUsage(entry(cgroup, "memory"))
        .setSwap(entry(cgroup, "memory.memsw"))
        .setKernel(entry(cgroup, "memory.kmem"))
        .setKernelTcp(entry(cgroup, "memory.kmem.tcp"))
        .build();
  }

  private static MemoryEntry entry(Cgroup cgroup, String prefix) {
    return MemoryEntry.newBuilder()
        .setUsage(cgroup.number("memory", prefix + ".usage_in_bytes", 0))
        .setMax(cgroup.number("memory", prefix + ".max_usage_in_bytes", 0))
        .setFailcnt(cgroup.number("memory", prefix + ".failcnt", 0))
        .setLimit(cgroup.number("memory", prefix + ".limit_in_bytes", 0))
        .build();
  }

  /** Lines of the form MAJOR:MINOR OPERATION VALUE. */
  private static List<BlkIOEntry> io(Cgroup cgroup, String file) {
    List<BlkIOEntry> entries = new ArrayList<>();
    for (String line : cgroup.text("blkio", file).split("\n")) {
      String[] fields = line.split("[ :]");
      if (fields.length == 4) {
        entries.add(
            BlkIOEntry.newBuilder()
                .setMajor(Long.parseLong(fields[0]))
                .setMinor(Long.parseLong(fields[1]))
                .setOp(fields[2])
                .setValue(Long.parseUnsignedLong(fields[3]))
                .build());
      }
    }
    return entries;
  }

  private static dev.retainerd.shim.wire.cgroups2.Metrics second(Cgroup cgroup) {
    Map<String, Long> cpu = cgroup.table("cpu", "cpu.stat");
    Map<String, Long> stat = cgroup.table("memory", "memory.stat");
    Map<String, Long> events = cgroup.table("memory", "memory.events");
    return dev.retainerd.shim.wire.cgroups2.Metrics.newBuilder()
        .setPids(
            dev.retainerd.shim.wire.cgroups2.PidsStat.newBuilder()
                .setCurrent(cgroup.number("pids", "pids.current", 0))
                .setLimit(cgroup.number("pids", "pids.max", 0)))
        .setCpu(
            dev.retainerd.shim.wire.cgroups2.CPUStat.newBuilder()
                .setUsageUsec(of(cpu, "usage_usec"))
                .setUserUsec(of(cpu, "user_usec"))
                .setSystemUsec(of(cpu, "system_usec"))
                .setNrPeriods(of(cpu, "nr_periods"))
                .setNrThrottled(of(cpu, "nr_throttled"))
                .setThrottledUsec(of(cpu, "throttled_usec")))
        .setMemory(
            dev.retainerd.shim.wire.cgroups2.MemoryStat.newBuilder()
                .setAnon(of(stat, "anon"))
                .setFile(of(stat, "file"))
                .setKernelStack(of(stat, "kernel_stack"))
                .setSlab(of(stat, "slab"))
                .setSock(of(stat, "sock"))
                .setShmem(of(stat, "shmem"))
                .setFileMapped(of(stat, "file_mapped"))
                .setFileDirty(of(stat, "file_dirty"))
                .setFileWriteback(of(stat, "file_writeback"))
                .setAnonThp(of(stat, "anon_thp"))
                .setUnevictable(of(stat, "unevictable"))
                .setSlabReclaimable(of(stat, "slab_reclaimable"))
                .setSlabUnreclaimable(of(stat, "slab_unreclaimable"))
                .setPgscan(of(stat, "pgscan"))
                .setPgsteal(of(stat, "pgsteal"))
                .setMaxUsage(cgroup.number("memory", "memory.peak", 0))
                .setSwapMaxUsage(cgroup.number("memory", "memory.swap.peak", 0))
                .setInactiveAnon(of(stat, "inactive_anon"))
                .setActiveAnon(of(stat, "active_anon"))
                .setInactiveFile(of(stat, "inactive_file"))
                .setActiveFile(of(stat, "active_file"))
                .setPgfault(of(stat, "pgfault"))
                .setPgmajfault(of(stat, "pgmajfault"))
                .setUsage(cgroup.number("memory", "memory.current", 0))
                .setUsageLimit(cgroup.number("memory", "memory.max", -1))
                .setSwapUsage(cgroup.number("memory", "memory.swap.current", 0))
                .setSwapLimit(cgroup.number("memory", "memory.swap.max", -1)))
        .setIo(IOStat.newBuilder().addAllUsage(devices(cgroup)))
        .setMemoryEvents(
            MemoryEvents.newBuilder()
                .setLow(of(events, "low"))
                .setHigh(of(events, "high"))
                .setMax(of(events, "max"))
                .setOom(of(events, "oom"))
                .setOomKill(of(events, "oom_kill"))
                .setOomGroupKill(of(events, "oom_group_kill")))
        .build();
  }

  /** Lines of io.stat, of the form MAJOR:MINOR NAME=VALUE NAME=VALUE ... */
  private static List<IOEntry> devices(Cgroup cgroup) {
    List<IOEntry> entries = new ArrayList<>();
    for (String line : cgroup.text("io", "io.stat").split("\n")) {
      String[] fields = line.split(" ");
      String[] device = fields[0].split(":");
      if (device.length != 2 || fields.length < 2) {
        continue;
      }
      Map<String, Long> values = new HashMap<>();
      for (int i = 1; i < fields.length; i++) {
        int equals = fields[i].indexOf('=');
        if (equals > 0) {
          values.put(
              fields[i].substring(0, equals), Cgroup.parse(fields[i].substring(equals + 1), 0));
        }
      }
      entries.add(
          IOEntry.newBuilder()
              .setMajor(Cgroup.parse(device[0], 0))
              .setMinor(Cgroup.parse(device[1], 0))
              .setRbytes(of(values, "rbytes"))
              .setWbytes(of(values, "wbytes"))
              .setRios(of(values, "rios"))
              .setWios(of(values, "wios"))
              .build());
    }
    return entries;
  }

  private static long of(Map<String, Long> table, String name) {
    return table.getOrDefault(name, 0L);
  }
}
