package dev.retainerd.runtime.cri;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.cgroup.CgroupUsage;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.measure.Interface;
import dev.retainerd.runtime.measure.Measures;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerMetrics;
import dev.retainerd.wire.cri.v1.Metric;
import dev.retainerd.wire.cri.v1.MetricDescriptor;
import dev.retainerd.wire.cri.v1.PodSandboxMetrics;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.UInt64Value;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Metrics of pods and containers as CRI's messages. Thread-safe. */
final class CriMetrics {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final long SECOND = 1_000_000_000L;

  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final TaskService tasks;
  private final Measures measures;
  private final Function<String, Optional<SpecEntry>> specs;
  private final Path snapshotsFolder;
  private final Clock clock;

  /**
   * Makes them.
   *
   * @param specs the OCI spec of a container, by its id
   */
  CriMetrics(
      SandboxService sandboxes,
      ContainerService containers,
      TaskService tasks,
      Measures measures,
      Function<String, Optional<SpecEntry>> specs,
      Path snapshotsFolder,
      Clock clock) {
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.tasks = tasks;
    this.measures = measures;
    this.specs = specs;
    this.snapshotsFolder = snapshotsFolder;
    this.clock = clock;
  }

  static List<MetricDescriptor> descriptors() {
    return Arrays.stream(MetricNames.values()).map(MetricNames::descriptor).toList();
  }

  /** The metrics of one subject, at one moment. */
  private static final class Rows {
    private final List<String> labels;
    private final long timestamp;
    private final List<Metric> metrics = new ArrayList<>();

    Rows(long timestamp, String... labels) {
      this.labels = List.of(labels);
      this.timestamp = timestamp;
    }

    void add(MetricNames name, long number, String... more) {
      if (more.length != name.furtherLabels()) {
        throw new IllegalArgumentException(name + " with " + more.length + " further labels");
      }
      metrics.add(
          Metric.newBuilder()
              .setName(name.title())
              .setTimestamp(timestamp)
              .setMetricType(name.type())
              .addAllLabelValues(labels)
              .addAllLabelValues(List.of(more))
              .setValue(UInt64Value.newBuilder().setValue(number))
              .build());
    }
  }

  private long now() {
    Instant now = clock.instant();
    return now.getEpochSecond() * SECOND + now.getNano();
  }

  /** Of every pod that is ready. */
  List<PodSandboxMetrics> pods() {
    List<PodSandboxMetrics> found = new ArrayList<>();
    for (SandboxEntry entry : sandboxes.list()) {
      if (CriViews.state(entry) == PodSandboxState.SANDBOX_READY) {
        found.add(pod(entry));
      }
    }
    return found;
  }

  private PodSandboxMetrics pod(SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    PodSandboxMetrics.Builder pod = PodSandboxMetrics.newBuilder().setPodSandboxId(record.getId());
    Rows rows = new Rows(now(), record.getName(), record.getPodNamespace(), "", record.getId(), "");
    if (!record.getNetnsPath().isEmpty()) {
      measures.interfaces(Path.of(record.getNetnsPath())).forEach(one -> network(rows, one));
    }
    pod.addAllMetrics(rows.metrics);
    for (ContainerEntry container : containers.ofSandbox(record.getId())) {
      Optional<TaskEntry> task = tasks.find(NAMESPACE, container.getContainer().getId());
      task.flatMap(measures::ofTask)
          .ifPresent(
              usage -> pod.addContainerMetrics(container(record, container, task.get(), usage)));
    }
    return pod.build();
  }

  private static void network(Rows rows, Interface one) {
    rows.add(MetricNames.RECEIVE_BYTES, one.receivedBytes(), one.name());
    rows.add(MetricNames.RECEIVE_PACKETS, one.receivedPackets(), one.name());
    rows.add(MetricNames.RECEIVE_DROPS, one.receiveDrops(), one.name());
    rows.add(MetricNames.RECEIVE_ERRORS, one.receiveErrors(), one.name());
    rows.add(MetricNames.SEND_BYTES, one.sentBytes(), one.name());
    rows.add(MetricNames.SEND_PACKETS, one.sentPackets(), one.name());
    rows.add(MetricNames.SEND_DROPS, one.sendDrops(), one.name());
    rows.add(MetricNames.SEND_ERRORS, one.sendErrors(), one.name());
  }

  private ContainerMetrics container(
      SandboxRecord pod, ContainerEntry entry, TaskEntry task, CgroupUsage usage) {
    Container view = CriViews.container(entry, Optional.of(task));
    String asked = view.getImage().getUserSpecifiedImage();
    Rows rows =
        new Rows(
            now(),
            pod.getName(),
            pod.getPodNamespace(),
            view.getMetadata().getName(),
            view.getId(),
            asked.isEmpty() ? view.getImage().getImage() : asked);
    rows.add(MetricNames.LAST_SEEN, rows.timestamp / SECOND);
    rows.add(MetricNames.START_TIME, task.getStartedAtNanos() / SECOND);
    cpu(rows, usage.cpu());
    memory(rows, usage.memory());
    for (CgroupUsage.HugePages pages : usage.hugePages()) {
      rows.add(MetricNames.HUGETLB_USAGE, pages.usage(), pages.size());
      rows.add(MetricNames.HUGETLB_MAX, pages.mostUsage(), pages.size());
    }
    pressure(rows, usage.cpu().pressure(), MetricNames.CPU_STALLED, MetricNames.CPU_WAITING);
    pressure(
        rows, usage.memory().pressure(), MetricNames.MEMORY_STALLED, MetricNames.MEMORY_WAITING);
    pressure(rows, usage.ioPressure(), MetricNames.IO_STALLED, MetricNames.IO_WAITING);
    usage.io().forEach(device -> io(rows, device));
    files(rows, entry.getContainer());
    processes(rows, usage, task);
    specs
        .apply(view.getId())
        .map(spec -> JsonParser.parseString(spec.getSpec().getValue().toStringUtf8()))
        .map(JsonElement::getAsJsonObject)
        .ifPresent(spec -> spec(rows, spec));
    return ContainerMetrics.newBuilder()
        .setContainerId(view.getId())
        .addAllMetrics(rows.metrics)
        .build();
  }

  private static void pressure(
      Rows rows, Optional<CgroupUsage.Pressure> pressure, MetricNames all, MetricNames some) {
    pressure.ifPresent(
        psi -> {
          rows.add(all, psi.full().totalNanos() / SECOND);
          rows.add(some, psi.some().totalNanos() / SECOND);
        });
  }

  private static void cpu(Rows rows, CgroupUsage.Cpu cpu) {
    rows.add(MetricNames.CPU_USAGE, cpu.totalNanos() / SECOND);
    rows.add(MetricNames.CPU_USER, cpu.userNanos() / SECOND);
    rows.add(MetricNames.CPU_SYSTEM, cpu.systemNanos() / SECOND);
    rows.add(MetricNames.CPU_PERIODS, cpu.periods());
    rows.add(MetricNames.CPU_THROTTLED_PERIODS, cpu.throttledPeriods());
    rows.add(MetricNames.CPU_THROTTLED, cpu.throttledNanos() / SECOND);
  }

  private static void memory(Rows rows, CgroupUsage.Memory memory) {
    rows.add(MetricNames.MEMORY_USAGE, memory.usage());
    rows.add(MetricNames.MEMORY_WORKING_SET, memory.workingSet());
    rows.add(MetricNames.MEMORY_MAX, memory.mostUsage());
    rows.add(MetricNames.MEMORY_RSS, memory.rss());
    rows.add(MetricNames.MEMORY_CACHE, memory.cache());
    rows.add(MetricNames.MEMORY_KERNEL, memory.kernel());
    rows.add(MetricNames.MEMORY_MAPPED, memory.mappedFile());
    rows.add(MetricNames.MEMORY_SWAP, memory.swap());
    rows.add(MetricNames.MEMORY_FAILCNT, memory.failures());
    rows.add(MetricNames.MEMORY_ACTIVE_FILE, memory.activeFile());
    rows.add(MetricNames.MEMORY_INACTIVE_FILE, memory.inactiveFile());
    rows.add(MetricNames.MEMORY_FAILURES, memory.pageFaults(), "pgfault", "container");
    rows.add(MetricNames.MEMORY_FAILURES, memory.majorPageFaults(), "pgmajfault", "container");
    rows.add(MetricNames.OOM_EVENTS, memory.oomKills());
  }

  private static void io(Rows rows, CgroupUsage.DeviceIo device) {
    String major = Long.toString(device.major());
    String minor = Long.toString(device.minor());
    String name = major + ":" + minor;
    rows.add(MetricNames.FS_READ_BYTES, device.readBytes(), name);
    rows.add(MetricNames.FS_READS, device.reads(), name);
    rows.add(MetricNames.FS_WRITTEN_BYTES, device.writtenBytes(), name);
    rows.add(MetricNames.FS_WRITES, device.writes(), name);
    rows.add(MetricNames.BLKIO, device.readBytes(), name, major, minor, "Read");
    rows.add(MetricNames.BLKIO, device.writtenBytes(), name, major, minor, "Write");
  }

  private void files(Rows rows, ContainerRecord container) {
    Usage usage = measures.files(container.getId(), false);
    Path folder = snapshotsFolder.resolve(container.getSnapshotter());
    rows.add(MetricNames.FS_USAGE, usage.bytes(), "/");
    rows.add(MetricNames.FS_INODES, usage.inodes(), "/");
    try {
      FileStore store = Files.getFileStore(folder);
      rows.add(MetricNames.FS_LIMIT, store.getTotalSpace(), "/");
    } catch (IOException e) {
      rows.add(MetricNames.FS_LIMIT, 0, "/");
    }
    rows.add(MetricNames.FS_INODES_FREE, measures.freeInodes(folder), "/");
  }

  private void processes(Rows rows, CgroupUsage usage, TaskEntry task) {
    rows.add(MetricNames.PROCESSES, usage.pids());
    rows.add(MetricNames.THREADS, usage.pids());
    rows.add(MetricNames.THREADS_MAX, usage.mostPids() == Long.MAX_VALUE ? 0 : usage.mostPids());
    Measures.Descriptors open = measures.descriptors(task);
    rows.add(MetricNames.DESCRIPTORS, open.files());
    rows.add(MetricNames.SOCKETS, open.sockets());
    measures.softLimits(task).forEach((name, limit) -> rows.add(MetricNames.ULIMITS, limit, name));
  }

  private static void spec(Rows rows, JsonObject spec) {
    JsonObject resources = child(child(spec, "linux"), "resources");
    JsonObject cpu = child(resources, "cpu");
    JsonObject memory = child(resources, "memory");
    add(rows, MetricNames.SPEC_CPU_PERIOD, cpu, "period");
    add(rows, MetricNames.SPEC_CPU_QUOTA, cpu, "quota");
    add(rows, MetricNames.SPEC_CPU_SHARES, cpu, "shares");
    add(rows, MetricNames.SPEC_MEMORY_LIMIT, memory, "limit");
    add(rows, MetricNames.SPEC_MEMORY_RESERVATION, memory, "reservation");
    add(rows, MetricNames.SPEC_SWAP_LIMIT, memory, "swap");
  }

  private static JsonObject child(JsonObject object, String name) {
    return object.has(name) ? object.getAsJsonObject(name) : new JsonObject();
  }

  private static void add(Rows rows, MetricNames name, JsonObject from, String key) {
    rows.add(name, from.has(key) ? Math.max(0, from.get(key).getAsLong()) : 0);
  }
}
