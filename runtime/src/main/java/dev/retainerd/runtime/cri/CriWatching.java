package dev.retainerd.runtime.cri;

import static dev.retainerd.runtime.cri.Answers.answer;
import static dev.retainerd.runtime.cri.Answers.inBatches;

import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.wire.cri.v1.ContainerEventResponse;
import dev.retainerd.wire.cri.v1.ContainerStatsRequest;
import dev.retainerd.wire.cri.v1.ContainerStatsResponse;
import dev.retainerd.wire.cri.v1.GetEventsRequest;
import dev.retainerd.wire.cri.v1.ListContainerStatsRequest;
import dev.retainerd.wire.cri.v1.ListContainerStatsResponse;
import dev.retainerd.wire.cri.v1.ListMetricDescriptorsRequest;
import dev.retainerd.wire.cri.v1.ListMetricDescriptorsResponse;
import dev.retainerd.wire.cri.v1.ListPodSandboxMetricsRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxMetricsResponse;
import dev.retainerd.wire.cri.v1.ListPodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxStatsResponse;
import dev.retainerd.wire.cri.v1.PodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatsResponse;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.cri.v1.StreamContainerStatsRequest;
import dev.retainerd.wire.cri.v1.StreamContainerStatsResponse;
import dev.retainerd.wire.cri.v1.StreamPodSandboxMetricsRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxMetricsResponse;
import dev.retainerd.wire.cri.v1.StreamPodSandboxStatsRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxStatsResponse;
import io.grpc.stub.StreamObserver;
import java.time.Clock;

/** The calls by which a kubelet watches a node: stats, metrics and events. Thread-safe. */
abstract class CriWatching extends RuntimeServiceGrpc.RuntimeServiceImplBase {
  /** What lists are made of. */
  final EncodedItems items = new EncodedItems();

  private final CriStats stats;
  private final CriMetrics metrics;
  private final CriEvents events;

  CriWatching(CriRuntime.Behind behind) {
    Clock clock = Clock.systemUTC();
    this.stats =
        new CriStats(
            behind.sandboxes(),
            behind.containers(),
            behind.tasks(),
            behind.measures(),
            behind.snapshotsFolder(),
            items,
            clock);
    this.metrics =
        new CriMetrics(
            behind.sandboxes(),
            behind.containers(),
            behind.tasks(),
            behind.measures(),
            behind.specs(),
            behind.snapshotsFolder(),
            clock);
    this.events =
        new CriEvents(
            behind.journal(),
            behind.sandboxes(),
            behind.containers(),
            behind.tasks(),
            behind.stateFolder().resolve("container-events"));
  }

  /** The container of that id or unambiguous beginning of one; NOT_FOUND where there is none. */
  abstract ContainerEntry container(String id);

  /** As {@link #container}, of a pod. */
  abstract SandboxEntry sandbox(String id);

  @Override
  public void containerStats(
      ContainerStatsRequest request, StreamObserver<ContainerStatsResponse> caller) {
    answer(
        caller,
        () ->
            ContainerStatsResponse.newBuilder()
                .setStats(stats.running(container(request.getContainerId())))
                .build());
  }

  @Override
  public void listContainerStats(
      ListContainerStatsRequest request, StreamObserver<ListContainerStatsResponse> caller) {
    answer(
        caller,
        () ->
            ListContainerStatsResponse.newBuilder()
                .addAllStats(stats.containers(request.getFilter()))
                .build());
  }

  @Override
  public void streamContainerStats(
      StreamContainerStatsRequest request, StreamObserver<StreamContainerStatsResponse> caller) {
    inBatches(
        caller,
        stats.containers(request.getFilter()),
        some -> StreamContainerStatsResponse.newBuilder().addAllContainerStats(some).build());
  }

  @Override
  public void podSandboxStats(
      PodSandboxStatsRequest request, StreamObserver<PodSandboxStatsResponse> caller) {
    answer(
        caller,
        () ->
            PodSandboxStatsResponse.newBuilder()
                .setStats(stats.pod(sandbox(request.getPodSandboxId())))
                .build());
  }

  @Override
  public void listPodSandboxStats(
      ListPodSandboxStatsRequest request, StreamObserver<ListPodSandboxStatsResponse> caller) {
    answer(
        caller,
        () ->
            ListPodSandboxStatsResponse.newBuilder()
                .addAllStats(stats.pods(request.getFilter()))
                .build());
  }

  @Override
  public void streamPodSandboxStats(
      StreamPodSandboxStatsRequest request, StreamObserver<StreamPodSandboxStatsResponse> caller) {
    inBatches(
        caller,
        stats.pods(request.getFilter()),
        some -> StreamPodSandboxStatsResponse.newBuilder().addAllPodSandboxStats(some).build());
  }

  @Override
  public void listMetricDescriptors(
      ListMetricDescriptorsRequest request, StreamObserver<ListMetricDescriptorsResponse> caller) {
    answer(
        caller,
        () ->
            ListMetricDescriptorsResponse.newBuilder()
                .addAllDescriptors(CriMetrics.descriptors())
                .build());
  }

  @Override
  public void listPodSandboxMetrics(
      ListPodSandboxMetricsRequest request, StreamObserver<ListPodSandboxMetricsResponse> caller) {
    answer(
        caller,
        () -> ListPodSandboxMetricsResponse.newBuilder().addAllPodMetrics(metrics.pods()).build());
  }

  @Override
  public void streamPodSandboxMetrics(
      StreamPodSandboxMetricsRequest request,
      StreamObserver<StreamPodSandboxMetricsResponse> caller) {
    inBatches(
        caller,
        metrics.pods(),
        some -> StreamPodSandboxMetricsResponse.newBuilder().addAllPodSandboxMetrics(some).build());
  }

  @Override
  public void getContainerEvents(
      GetEventsRequest request, StreamObserver<ContainerEventResponse> caller) {
    events.stream(caller);
  }
}
