package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerFilter;
import dev.retainerd.wire.cri.v1.ContainerMetrics;
import dev.retainerd.wire.cri.v1.ContainerStats;
import dev.retainerd.wire.cri.v1.ContainerStatsFilter;
import dev.retainerd.wire.cri.v1.ContainerStatsRequest;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxStats;
import dev.retainerd.wire.cri.v1.ListContainerStatsRequest;
import dev.retainerd.wire.cri.v1.ListMetricDescriptorsRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxMetricsRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.Metric;
import dev.retainerd.wire.cri.v1.MetricDescriptor;
import dev.retainerd.wire.cri.v1.PodSandboxMetrics;
import dev.retainerd.wire.cri.v1.PodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.RuntimeConfigRequest;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.StatusResponse;
import dev.retainerd.wire.cri.v1.StreamContainerStatsRequest;
import dev.retainerd.wire.cri.v1.StreamContainersRequest;
import dev.retainerd.wire.cri.v1.StreamImagesRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxMetricsRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxesRequest;
import dev.retainerd.wire.cri.v1.UpdateContainerResourcesRequest;
import dev.retainerd.wire.cri.v1.UpdatePodSandboxResourcesRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a kubelet asks to watch a node: stats, metrics, verbose statuses, and changed limits. */
class MeasuresTest extends OneNode {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private String busy;
  private String done;

  @BeforeAll
  void startBusyAndDone() {
    busy =
        pods.start(
            pod,
            "p",
            "busy",
            "dd if=/dev/zero of=/big bs=1024 count=3000 2>/dev/null; trap 'exit 0' TERM;"
                + " while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 0.05; done");
    done = pods.start(pod, "p", "done", "true");
    Eventually.holds(
        "the end of a container", PATIENCE, () -> pods.status(done).getFinishedAt() > 0);
  }

  private ContainerStats stats(String id) {
    return node.cri()
        .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
        .getStats();
  }

  private static <T> List<T> all(Iterator<T> messages) {
    List<T> found = new ArrayList<>();
    messages.forEachRemaining(found::add);
    return found;
  }

  @Test
  void aRunningContainersTimeMemoryAndFilesAreCounted() {
    Eventually.holds(
        "three megabytes of files",
        Duration.ofSeconds(30),
        () -> stats(busy).getWritableLayer().getUsedBytes().getValue() >= 3_000_000);
    ContainerStats first = stats(busy);
    assertEquals(busy, first.getAttributes().getId());
    assertEquals("busy", first.getAttributes().getMetadata().getName());
    assertTrue(first.getWritableLayer().getInodesUsed().getValue() > 0);
    assertTrue(first.getMemory().getUsageBytes().getValue() > 0);
    assertTrue(
        first.getMemory().getWorkingSetBytes().getValue()
            <= first.getMemory().getUsageBytes().getValue());
    assertTrue(first.getSwap().getTimestamp() > 0);
    Eventually.holds(
        "processor time that grows, and a rate",
        PATIENCE,
        () -> {
          ContainerStats later = stats(busy);
          return later.getCpu().getUsageCoreNanoSeconds().getValue()
                  > first.getCpu().getUsageCoreNanoSeconds().getValue()
              && later.getCpu().getUsageNanoCores().getValue() > 0;
        });
  }

  @Test
  void anEndedContainerHasFilesAndNothingElse() {
    ContainerStats stats =
        node.cri()
            .listContainerStats(
                ListContainerStatsRequest.newBuilder()
                    .setFilter(ContainerStatsFilter.newBuilder().setId(done))
                    .build())
            .getStats(0);
    assertTrue(stats.hasWritableLayer());
    assertFalse(stats.hasCpu() || stats.hasMemory());
    refused(Status.Code.FAILED_PRECONDITION, () -> stats(done));
    refused(Status.Code.NOT_FOUND, () -> stats("nobody"));
    refused(Status.Code.INVALID_ARGUMENT, () -> stats(""));
  }

  @Test
  void listsAreFilteredAndStreamsHoldTheSame() {
    ContainerStatsFilter one = ContainerStatsFilter.newBuilder().setId(busy).build();
    List<ContainerStats> listed =
        node.cri()
            .listContainerStats(ListContainerStatsRequest.newBuilder().setFilter(one).build())
            .getStatsList();
    assertEquals(List.of(busy), listed.stream().map(s -> s.getAttributes().getId()).toList());
    ContainerStatsFilter none =
        ContainerStatsFilter.newBuilder().putLabelSelector("no", "such").build();
    assertEquals(
        0,
        node.cri()
            .listContainerStats(ListContainerStatsRequest.newBuilder().setFilter(none).build())
            .getStatsCount());
    assertEquals(
        2,
        all(node.cri().streamContainerStats(StreamContainerStatsRequest.getDefaultInstance()))
            .getFirst()
            .getContainerStatsCount());
    assertEquals(
        List.of(busy),
        all(
                node.cri()
                    .streamContainers(
                        StreamContainersRequest.newBuilder()
                            .setFilter(ContainerFilter.newBuilder().setId(busy))
                            .build()))
            .getFirst()
            .getContainersList()
            .stream()
            .map(c -> c.getId())
            .toList());
    assertEquals(
        pod,
        all(node.cri().streamPodSandboxes(StreamPodSandboxesRequest.getDefaultInstance()))
            .getFirst()
            .getPodSandboxes(0)
            .getId());
    assertEquals(
        1,
        all(node.images().streamImages(StreamImagesRequest.getDefaultInstance()))
            .getFirst()
            .getImagesCount());
    assertEquals(
        1,
        all(node.cri().streamPodSandboxStats(StreamPodSandboxStatsRequest.getDefaultInstance()))
            .getFirst()
            .getPodSandboxStatsCount());
    assertEquals(
        1,
        all(node.cri().streamPodSandboxMetrics(StreamPodSandboxMetricsRequest.getDefaultInstance()))
            .getFirst()
            .getPodSandboxMetricsCount());
  }

  @Test
  void aPodsNetworkProcessesAndContainersAreCounted() {
    LinuxPodSandboxStats stats =
        node.cri()
            .podSandboxStats(PodSandboxStatsRequest.newBuilder().setPodSandboxId(pod).build())
            .getStats()
            .getLinux();
    assertEquals("eth0", stats.getNetwork().getDefaultInterface().getName());
    assertTrue(stats.getNetwork().getDefaultInterface().hasRxBytes());
    assertTrue(stats.getProcess().getProcessCount().getValue() >= 1);
    assertEquals(2, stats.getContainersCount());
    assertTrue(stats.getCpu().getUsageCoreNanoSeconds().getValue() > 0);
    assertTrue(stats.getMemory().getUsageBytes().getValue() > 0);
    String stopped = pods.run("stopped");
    pods.stopPod(stopped);
    refused(
        Status.Code.UNAVAILABLE,
        () ->
            node.cri()
                .podSandboxStats(
                    PodSandboxStatsRequest.newBuilder().setPodSandboxId(stopped).build()));
    assertEquals(
        1,
        node.cri()
            .listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance())
            .getStatsCount());
    pods.removePod(stopped);
  }

  @Test
  void everyMetricHasAsManyLabelsAsItsDescriptorSays() {
    Map<String, MetricDescriptor> descriptors = new TreeMap<>();
    node.cri()
        .listMetricDescriptors(ListMetricDescriptorsRequest.getDefaultInstance())
        .getDescriptorsList()
        .forEach(d -> descriptors.put(d.getName(), d));
    assertTrue(descriptors.size() >= 48, descriptors.keySet().toString());
    PodSandboxMetrics metrics =
        node
            .cri()
            .listPodSandboxMetrics(ListPodSandboxMetricsRequest.getDefaultInstance())
            .getPodMetricsList()
            .stream()
            .filter(m -> m.getPodSandboxId().equals(pod))
            .findFirst()
            .orElseThrow();
    Set<String> seen = new HashSet<>();
    List<Metric> every = new ArrayList<>(metrics.getMetricsList());
    for (ContainerMetrics container : metrics.getContainerMetricsList()) {
      every.addAll(container.getMetricsList());
    }
    for (Metric metric : every) {
      seen.add(metric.getName());
      MetricDescriptor descriptor = descriptors.get(metric.getName());
      assertEquals(descriptor.getLabelKeysCount(), metric.getLabelValuesCount(), metric.getName());
      assertEquals("p", metric.getLabelValues(0));
      assertTrue(metric.getTimestamp() > 0);
    }
    Set<String> missing = new HashSet<>(descriptors.keySet());
    missing.removeAll(seen);
    // A device shows only once it was used.
    missing.removeIf(name -> name.startsWith("container_fs_") || name.contains("blkio"));
    // Nor are there huge pages on every node.
    missing.removeIf(name -> name.contains("hugetlb"));
    // The kernel counts pressure in cgroup v2 alone.
    missing.removeIf(name -> name.startsWith("container_pressure_"));
    assertEquals(Set.of(), missing);
  }

  private ContainerStatus update(String id, LinuxContainerResources.Builder resources) {
    node.cri()
        .updateContainerResources(
            UpdateContainerResourcesRequest.newBuilder()
                .setContainerId(id)
                .setLinux(resources)
                .build());
    return pods.status(id);
  }

  @Test
  void limitsOfARunningContainerChangeAndSurviveARestart() throws Exception {
    long bytes = 200L << 20;
    ContainerStatus status =
        update(
            busy,
            LinuxContainerResources.newBuilder().setMemoryLimitInBytes(bytes).setCpuShares(512));
    assertEquals(bytes, status.getResources().getLinux().getMemoryLimitInBytes());
    assertEquals(bytes, limit());
    status = update(busy, LinuxContainerResources.newBuilder().setCpuShares(700));
    assertEquals(bytes, status.getResources().getLinux().getMemoryLimitInBytes());
    assertEquals(700, status.getResources().getLinux().getCpuShares());
    refused(
        Status.Code.INVALID_ARGUMENT,
        () -> update(busy, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(-5)));
    node.killDaemon();
    node.start();
    assertEquals(700, pods.status(busy).getResources().getLinux().getCpuShares());
    assertEquals(bytes, limit());
  }

  private long limit() {
    ContainerStats stats = stats(busy);
    return stats.getMemory().getAvailableBytes().getValue()
        + stats.getMemory().getWorkingSetBytes().getValue();
  }

  @Test
  void limitsOfACreatedContainerHoldFromItsStart() {
    String id = pods.create(pod, "p", "later", "sleep 1000");
    update(id, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(64L << 20));
    pods.start(id);
    ContainerStats stats = stats(id);
    assertEquals(
        64L << 20,
        stats.getMemory().getAvailableBytes().getValue()
            + stats.getMemory().getWorkingSetBytes().getValue());
    pods.stop(id, 0);
    pods.remove(id);
  }

  @Test
  void aPodsResourcesAreShownInItsVerboseStatus() {
    node.cri()
        .updatePodSandboxResources(
            UpdatePodSandboxResourcesRequest.newBuilder()
                .setPodSandboxId(pod)
                .setResources(LinuxContainerResources.newBuilder().setCpuShares(333))
                .build());
    String info =
        node.cri()
            .podSandboxStatus(
                PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).setVerbose(true).build())
            .getInfoOrThrow("info");
    assertTrue(info.contains("\"resources\":{\"linux\":{\"cpu_shares\":333}}"), info);
    assertTrue(info.contains("\"cniResult\":{"), info);
  }

  @Test
  void verboseStatusesTellHowThingsAreSetUp() {
    StatusResponse status = node.cri().status(StatusRequest.newBuilder().setVerbose(true).build());
    assertTrue(status.getFeatures().getSupplementalGroupsPolicy());
    assertEquals("", status.getRuntimeHandlers(0).getName());
    assertTrue(status.getRuntimeHandlers(0).getFeatures().getRecursiveReadOnlyMounts());
    String config = status.getInfoOrThrow("config");
    assertTrue(config.contains("\"defaultRuntimeName\":\"runc\""), config);
    assertEquals("OK", status.getInfoOrThrow("lastCNILoadStatus"));
    String info =
        node.cri()
            .containerStatus(
                ContainerStatusRequest.newBuilder().setContainerId(busy).setVerbose(true).build())
            .getInfoOrThrow("info");
    assertTrue(info.contains("\"runtimeSpec\":{") && info.contains("\"snapshotKey\""), info);
    assertEquals(0, pods.status(busy).getUser().getLinux().getUid());
    assertEquals(
        "CGROUPFS",
        node.cri()
            .runtimeConfig(RuntimeConfigRequest.getDefaultInstance())
            .getLinux()
            .getCgroupDriver()
            .name());
    assertTrue(
        node.images()
                .imageFsInfo(ImageFsInfoRequest.getDefaultInstance())
                .getImageFilesystems(0)
                .getUsedBytes()
                .getValue()
            > 0);
  }

  private static void refused(Status.Code code, Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      assertEquals(code, e.getStatus().getCode(), e.getStatus().getDescription());
      return;
    }
    throw new AssertionError("not refused with " + code);
  }
}
