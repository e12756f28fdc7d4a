package dev.retainerd.runtime.cri;

import dev.retainerd.wire.cri.v1.MetricDescriptor;
import dev.retainerd.wire.cri.v1.MetricType;
import java.util.ArrayList;
import java.util.List;

/**
 * The metrics of pods and containers: containerd's names, which are cAdvisor's, and their labels.
 * Each has as many label values as its descriptor has keys.
 */
enum MetricNames {
  CPU_USER("container_cpu_user_seconds_total", "Seconds of processor time in user mode."),
  CPU_SYSTEM("container_cpu_system_seconds_total", "Seconds of processor time in the kernel."),
  CPU_USAGE("container_cpu_usage_seconds_total", "Seconds of processor time in all."),
  CPU_PERIODS("container_cpu_cfs_periods_total", "Periods in which a quota was enforced."),
  CPU_THROTTLED_PERIODS(
      "container_cpu_cfs_throttled_periods_total", "Periods in which the quota was used up."),
  CPU_THROTTLED("container_cpu_cfs_throttled_seconds_total", "Seconds held back by a quota."),
  MEMORY_CACHE("container_memory_cache", MetricType.GAUGE, "Bytes of page cache."),
  MEMORY_RSS("container_memory_rss", MetricType.GAUGE, "Bytes of anonymous memory."),
  MEMORY_KERNEL(
      "container_memory_kernel_usage", MetricType.GAUGE, "Bytes the kernel holds for it."),
  MEMORY_MAPPED(
      "container_memory_mapped_file", MetricType.GAUGE, "Bytes of files mapped into memory."),
  MEMORY_SWAP("container_memory_swap", MetricType.GAUGE, "Bytes in swap."),
  MEMORY_FAILCNT(
      "container_memory_failcnt", "How often the memory limit was met; cgroup v1 counts it."),
  MEMORY_USAGE("container_memory_usage_bytes", MetricType.GAUGE, "Bytes of memory in use."),
  MEMORY_MAX(
      "container_memory_max_usage_bytes", MetricType.GAUGE, "Most bytes of memory in use so far."),
  MEMORY_WORKING_SET(
      "container_memory_working_set_bytes",
      MetricType.GAUGE,
      "Bytes in use without file pages that were not touched lately."),
  MEMORY_ACTIVE_FILE(
      "container_memory_total_active_file_bytes",
      MetricType.GAUGE,
      "Bytes of page cache in active use."),
  MEMORY_INACTIVE_FILE(
      "container_memory_total_inactive_file_bytes",
      MetricType.GAUGE,
      "Bytes of page cache not in active use."),
  MEMORY_FAILURES(
      "container_memory_failures_total", "Page faults by kind.", "failure_type", "scope"),
  OOM_EVENTS("container_oom_events_total", "Processes killed for lack of memory."),
  HUGETLB_USAGE(
      "container_hugetlb_usage_bytes", MetricType.GAUGE, "Bytes in huge pages.", "pagesize"),
  HUGETLB_MAX(
      "container_hugetlb_max_usage_bytes",
      MetricType.GAUGE,
      "Most bytes in huge pages so far; cgroup v1 counts it.",
      "pagesize"),
  CPU_STALLED(
      "container_pressure_cpu_stalled_seconds_total",
      "Seconds in which all waited for a processor."),
  CPU_WAITING(
      "container_pressure_cpu_waiting_seconds_total",
      "Seconds in which some waited for a processor."),
  MEMORY_STALLED(
      "container_pressure_memory_stalled_seconds_total", "Seconds in which all waited for memory."),
  MEMORY_WAITING(
      "container_pressure_memory_waiting_seconds_total",
      "Seconds in which some waited for memory."),
  IO_STALLED(
      "container_pressure_io_stalled_seconds_total", "Seconds in which all waited for a device."),
  IO_WAITING(
      "container_pressure_io_waiting_seconds_total", "Seconds in which some waited for a device."),
  RECEIVE_BYTES("container_network_receive_bytes_total", "Bytes received.", "interface"),
  RECEIVE_PACKETS("container_network_receive_packets_total", "Packets received.", "interface"),
  RECEIVE_DROPS(
      "container_network_receive_packets_dropped_total",
      "Packets dropped on their way in.",
      "interface"),
  RECEIVE_ERRORS("container_network_receive_errors_total", "Errors while receiving.", "interface"),
  SEND_BYTES("container_network_transmit_bytes_total", "Bytes sent.", "interface"),
  SEND_PACKETS("container_network_transmit_packets_total", "Packets sent.", "interface"),
  SEND_DROPS(
      "container_network_transmit_packets_dropped_total",
      "Packets dropped on their way out.",
      "interface"),
  SEND_ERRORS("container_network_transmit_errors_total", "Errors while sending.", "interface"),
  FS_INODES_FREE("container_fs_inodes_free", MetricType.GAUGE, "Inodes left.", "device"),
  FS_INODES("container_fs_inodes_total", MetricType.GAUGE, "Inodes it uses.", "device"),
  FS_LIMIT(
      "container_fs_limit_bytes", MetricType.GAUGE, "Bytes of the file system it is on.", "device"),
  FS_USAGE("container_fs_usage_bytes", MetricType.GAUGE, "Bytes of files it wrote.", "device"),
  FS_READ_BYTES("container_fs_reads_bytes_total", "Bytes read from a device.", "device"),
  FS_READS("container_fs_reads_total", "Reads from a device.", "device"),
  FS_WRITTEN_BYTES("container_fs_writes_bytes_total", "Bytes written to a device.", "device"),
  FS_WRITES("container_fs_writes_total", "Writes to a device.", "device"),
  BLKIO(
      "container_blkio_device_usage_total",
      "Bytes moved to and from a device.",
      "device",
      "major",
      "minor",
      "operation"),
  PROCESSES("container_processes", MetricType.GAUGE, "Processes and threads."),
  DESCRIPTORS("container_file_descriptors", MetricType.GAUGE, "Open files."),
  SOCKETS("container_sockets", MetricType.GAUGE, "Open sockets."),
  THREADS_MAX(
      "container_threads_max", MetricType.GAUGE, "Most threads it may have; 0 for no limit."),
  THREADS("container_threads", MetricType.GAUGE, "Threads."),
  ULIMITS(
      "container_ulimits_soft", MetricType.GAUGE, "Soft limits of its first process.", "ulimit"),
  LAST_SEEN("container_last_seen", MetricType.GAUGE, "When it was measured, seconds since 1970."),
  START_TIME(
      "container_start_time_seconds", MetricType.GAUGE, "When it began, seconds since 1970."),
  SPEC_CPU_PERIOD("container_spec_cpu_period", MetricType.GAUGE, "Its processor period."),
  SPEC_CPU_QUOTA("container_spec_cpu_quota", MetricType.GAUGE, "Its quota in a period."),
  SPEC_CPU_SHARES("container_spec_cpu_shares", MetricType.GAUGE, "Its processor shares."),
  SPEC_MEMORY_LIMIT(
      "container_spec_memory_limit_bytes", MetricType.GAUGE, "Its memory limit in bytes."),
  SPEC_MEMORY_RESERVATION(
      "container_spec_memory_reservation_limit_bytes",
      MetricType.GAUGE,
      "Its memory reservation in bytes."),
  SPEC_SWAP_LIMIT(
      "container_spec_memory_swap_limit_bytes",
      MetricType.GAUGE,
      "Its limit of memory and swap in bytes.");

  private static final List<String> BASE = List.of("pod", "namespace", "container", "id", "image");

  private final String title;
  private final MetricType type;
  private final String help;
  private final List<String> more;

  MetricNames(String title, String help, String... more) {
    this(title, MetricType.COUNTER, help, more);
  }

  MetricNames(String title, MetricType type, String help, String... more) {
    this.title = title;
    this.type = type;
    this.help = help;
    this.more = List.of(more);
  }

  String title() {
    return title;
  }

  MetricType type() {
    return type;
  }

  /** How many labels it has beyond those of every metric. */
  int furtherLabels() {
    return more.size();
  }

  MetricDescriptor descriptor() {
    List<String> keys = new ArrayList<>(BASE);
    keys.addAll(more);
    return MetricDescriptor.newBuilder().setName(title).setHelp(help).addAllLabelKeys(keys).build();
  }
}
