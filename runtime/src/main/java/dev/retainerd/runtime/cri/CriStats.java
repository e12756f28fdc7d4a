package dev.retainerd.runtime.cri;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.cgroup.CgroupUsage;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.measure.Interface;
import dev.retainerd.runtime.measure.Measures;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.wire.cri.v1.ContainerFilter;
import dev.retainerd.wire.cri.v1.ContainerStats;
import dev.retainerd.wire.cri.v1.ContainerStatsFilter;
import dev.retainerd.wire.cri.v1.CpuUsage;
import dev.retainerd.wire.cri.v1.FilesystemIdentifier;
import dev.retainerd.wire.cri.v1.FilesystemUsage;
import dev.retainerd.wire.cri.v1.IoUsage;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxStats;
import dev.retainerd.wire.cri.v1.MemoryUsage;
import dev.retainerd.wire.cri.v1.NetworkInterfaceUsage;
import dev.retainerd.wire.cri.v1.NetworkUsage;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxAttributes;
import dev.retainerd.wire.cri.v1.PodSandboxFilter;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStats;
import dev.retainerd.wire.cri.v1.PodSandboxStatsFilter;
import dev.retainerd.wire.cri.v1.ProcessUsage;
import dev.retainerd.wire.cri.v1.PsiData;
import dev.retainerd.wire.cri.v1.PsiStats;
import dev.retainerd.wire.cri.v1.SwapUsage;
import dev.retainerd.wire.cri.v1.UInt64Value;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What containers and pods use, as CRI's messages. A container that does not run has its files
 * counted and nothing else, as with containerd. Thread-safe.
 */
final class CriStats {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final String FIRST_INTERFACE = "eth0";

  /** So many measures of what is gone do no harm. */
  private static final int FEW = 256;

  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final TaskService tasks;
  private final Measures measures;
  private final Path snapshotsFolder;
  private final EncodedItems items;
  private final Clock clock;

  CriStats(
      SandboxService sandboxes,
      ContainerService containers,
      TaskService tasks,
      Measures measures,
      Path snapshotsFolder,
      EncodedItems items,
      Clock clock) {
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.tasks = tasks;
    this.measures = measures;
    this.snapshotsFolder = snapshotsFolder;
    this.items = items;
    this.clock = clock;
  }

  private long now() {
    Instant now = clock.instant();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  private static UInt64Value value(long number) {
    return UInt64Value.newBuilder().setValue(number).build();
  }

  /** A container's numbers, and how many processes it has. */
  private record Counted(ContainerStats stats, long processes) {}

  /**
   * One container's numbers.
   *
   * @throws Refusal FAILED_PRECONDITION where it does not run, as containerd refuses
   */
  ContainerStats running(ContainerEntry entry) {
    ContainerStats stats = counted(entry).stats();
    if (!stats.hasCpu()) {
      throw Refusal.failedPrecondition(
          "container "
              + entry.getContainer().getId()
              + " does not run; it uses nothing that could be measured");
    }
    return stats;
  }

  private Counted counted(ContainerEntry entry) {
    String id = entry.getContainer().getId();
    boolean ended = CriViews.hasEnded(entry);
    Optional<TaskEntry> task = ended ? Optional.empty() : tasks.find(NAMESPACE, id);
    long now = now();
    Usage files = measures.files(id, ended);
    ContainerStats.Builder stats =
        ContainerStats.newBuilder()
            .setAttributes(items.attributes(entry, task))
            .setWritableLayer(
                FilesystemUsage.newBuilder()
                    .setTimestamp(now)
                    .setFsId(filesystem(entry))
                    .setUsedBytes(value(files.bytes()))
                    .setInodesUsed(value(files.inodes())));
    Optional<CgroupUsage> used = task.flatMap(measures::ofTask);
    used.ifPresent(
        usage -> {
          stats
              .setCpu(cpu(id, usage.cpu(), now))
              .setMemory(memory(usage.memory(), now))
              .setSwap(
                  SwapUsage.newBuilder()
                      .setTimestamp(now)
                      .setSwapUsageBytes(value(usage.memory().swap()))
                      .setSwapAvailableBytes(value(usage.memory().swapAvailable())));
          usage.ioPressure().ifPresent(psi -> stats.setIo(io(psi, now)));
        });
    return new Counted(stats.build(), used.map(CgroupUsage::pids).orElse(0L));
  }

  /** The same as of the images that stand in its snapshotter: a kubelet compares them. */
  private FilesystemIdentifier filesystem(ContainerEntry entry) {
    return FilesystemIdentifier.newBuilder()
        .setMountpoint(snapshotsFolder.resolve(entry.getContainer().getSnapshotter()).toString())
        .build();
  }

  private CpuUsage cpu(String name, CgroupUsage.Cpu cpu, long now) {
    CpuUsage.Builder usage =
        CpuUsage.newBuilder().setTimestamp(now).setUsageCoreNanoSeconds(value(cpu.totalNanos()));
    measures.rate(name, cpu.totalNanos()).ifPresent(rate -> usage.setUsageNanoCores(value(rate)));
    cpu.pressure().ifPresent(psi -> usage.setPsi(psi(psi)));
    return usage.build();
  }

  private static MemoryUsage memory(CgroupUsage.Memory memory, long now) {
    MemoryUsage.Builder usage =
        MemoryUsage.newBuilder()
            .setTimestamp(now)
            .setWorkingSetBytes(value(memory.workingSet()))
            .setAvailableBytes(value(memory.available()))
            .setUsageBytes(value(memory.usage()))
            .setRssBytes(value(memory.rss()))
            .setPageFaults(value(memory.pageFaults()))
            .setMajorPageFaults(value(memory.majorPageFaults()));
    memory.pressure().ifPresent(psi -> usage.setPsi(psi(psi)));
    return usage.build();
  }

  private static IoUsage io(CgroupUsage.Pressure psi, long now) {
    return IoUsage.newBuilder().setTimestamp(now).setPsi(psi(psi)).build();
  }

  private static PsiStats psi(CgroupUsage.Pressure pressure) {
    return PsiStats.newBuilder()
        .setSome(psi(pressure.some()))
        .setFull(psi(pressure.full()))
        .build();
  }

  private static PsiData psi(CgroupUsage.Stall stall) {
    return PsiData.newBuilder()
        .setTotal(stall.totalNanos())
        .setAvg10(stall.avg10())
        .setAvg60(stall.avg60())
        .setAvg300(stall.avg300())
        .build();
  }

  List<ContainerStats> containers(ContainerStatsFilter asked) {
    ContainerFilter filter = CriFilters.asList(asked);
    boolean all = CriFilters.selectsAll(filter);
    List<ContainerEntry> candidates = CriFilters.candidates(filter, containers, sandboxes);
    List<ContainerStats> found = new ArrayList<>(candidates.size());
    for (ContainerEntry entry : candidates) {
      if (all || CriFilters.matches(filter, entry, Optional.empty())) {
        found.add(counted(entry).stats());
      }
    }
    if (all) {
      forgetOthers(candidates);
    }
    return found;
  }

  private void forgetOthers(List<ContainerEntry> all) {
    if (measures.remembered() <= 2 * all.size() + FEW) {
      return;
    }
    Set<String> known = new HashSet<>();
    all.forEach(entry -> known.add(entry.getContainer().getId()));
    sandboxes.list().forEach(pod -> known.add(pod.getSandbox().getId()));
    measures.keepOnly(known);
  }

  /**
   * A pod's numbers.
   *
   * @throws Refusal UNAVAILABLE where it is not ready
   */
  PodSandboxStats pod(SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    if (CriViews.state(entry) != PodSandboxState.SANDBOX_READY) {
      throw Refusal.unavailable(
          "pod sandbox "
              + record.getId()
              + " is not ready; it uses nothing that could be measured");
    }
    PodSandbox view = CriViews.sandbox(entry);
    long now = now();
    LinuxPodSandboxStats.Builder linux = LinuxPodSandboxStats.newBuilder();
    long processes = 0;
    for (ContainerEntry container : containers.ofSandbox(record.getId())) {
      Counted counted = counted(container);
      linux.addContainers(counted.stats());
      processes += counted.processes();
    }
    linux.setProcess(ProcessUsage.newBuilder().setTimestamp(now).setProcessCount(value(processes)));
    measures
        .ofPod(record.getCgroupParent())
        .ifPresent(
            usage -> {
              linux
                  .setCpu(cpu(record.getId(), usage.cpu(), now))
                  .setMemory(memory(usage.memory(), now));
              usage.ioPressure().ifPresent(psi -> linux.setIo(io(psi, now)));
            });
    if (!record.getNetnsPath().isEmpty()) {
      linux.setNetwork(network(measures.interfaces(Path.of(record.getNetnsPath())), now));
    }
    return PodSandboxStats.newBuilder()
        .setAttributes(
            PodSandboxAttributes.newBuilder()
                .setId(record.getId())
                .setMetadata(view.getMetadata())
                .putAllLabels(view.getLabelsMap())
                .putAllAnnotations(view.getAnnotationsMap()))
        .setLinux(linux)
        .build();
  }

  private static NetworkUsage network(List<Interface> interfaces, long now) {
    NetworkUsage.Builder usage = NetworkUsage.newBuilder().setTimestamp(now);
    for (Interface one : interfaces) {
      NetworkInterfaceUsage traffic =
          NetworkInterfaceUsage.newBuilder()
              .setName(one.name())
              .setRxBytes(value(one.receivedBytes()))
              .setRxErrors(value(one.receiveErrors()))
              .setTxBytes(value(one.sentBytes()))
              .setTxErrors(value(one.sendErrors()))
              .build();
      usage.addInterfaces(traffic);
      if (!usage.hasDefaultInterface() || one.name().equals(FIRST_INTERFACE)) {
        usage.setDefaultInterface(traffic);
      }
    }
    return usage.build();
  }

  /** Pods that are ready. */
  List<PodSandboxStats> pods(PodSandboxStatsFilter asked) {
    PodSandboxFilter filter = CriFilters.asList(asked);
    List<PodSandboxStats> found = new ArrayList<>();
    for (SandboxEntry entry : CriFilters.candidates(filter, sandboxes)) {
      if (CriFilters.matches(filter, entry)) {
        found.add(pod(entry));
      }
    }
    return found;
  }
}
