package dev.retainerd.runtime.cri;

import static dev.retainerd.runtime.cri.Answers.answer;
import static dev.retainerd.runtime.cri.Answers.inBatches;

import com.google.protobuf.ByteString;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.measure.Measures;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.session.CappedBytes;
import dev.retainerd.runtime.session.CommandRuns;
import dev.retainerd.runtime.stream.StreamRequest;
import dev.retainerd.runtime.stream.StreamServer;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.cri.v1.AttachRequest;
import dev.retainerd.wire.cri.v1.AttachResponse;
import dev.retainerd.wire.cri.v1.CgroupDriver;
import dev.retainerd.wire.cri.v1.ContainerFilter;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.ContainerStatusResponse;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.CreateContainerResponse;
import dev.retainerd.wire.cri.v1.ExecRequest;
import dev.retainerd.wire.cri.v1.ExecResponse;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.LinuxRuntimeConfiguration;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListContainersResponse;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxResponse;
import dev.retainerd.wire.cri.v1.PodSandboxFilter;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatusResponse;
import dev.retainerd.wire.cri.v1.PortForwardRequest;
import dev.retainerd.wire.cri.v1.PortForwardResponse;
import dev.retainerd.wire.cri.v1.RemoveContainerRequest;
import dev.retainerd.wire.cri.v1.RemoveContainerResponse;
import dev.retainerd.wire.cri.v1.RemovePodSandboxRequest;
import dev.retainerd.wire.cri.v1.RemovePodSandboxResponse;
import dev.retainerd.wire.cri.v1.ReopenContainerLogRequest;
import dev.retainerd.wire.cri.v1.ReopenContainerLogResponse;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxResponse;
import dev.retainerd.wire.cri.v1.RuntimeCondition;
import dev.retainerd.wire.cri.v1.RuntimeConfigRequest;
import dev.retainerd.wire.cri.v1.RuntimeConfigResponse;
import dev.retainerd.wire.cri.v1.RuntimeFeatures;
import dev.retainerd.wire.cri.v1.RuntimeHandler;
import dev.retainerd.wire.cri.v1.RuntimeStatus;
import dev.retainerd.wire.cri.v1.StartContainerRequest;
import dev.retainerd.wire.cri.v1.StartContainerResponse;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.StatusResponse;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import dev.retainerd.wire.cri.v1.StopContainerResponse;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxResponse;
import dev.retainerd.wire.cri.v1.StreamContainersRequest;
import dev.retainerd.wire.cri.v1.StreamContainersResponse;
import dev.retainerd.wire.cri.v1.StreamPodSandboxesRequest;
import dev.retainerd.wire.cri.v1.StreamPodSandboxesResponse;
import dev.retainerd.wire.cri.v1.UpdateContainerResourcesRequest;
import dev.retainerd.wire.cri.v1.UpdateContainerResourcesResponse;
import dev.retainerd.wire.cri.v1.UpdatePodSandboxResourcesRequest;
import dev.retainerd.wire.cri.v1.UpdatePodSandboxResourcesResponse;
import dev.retainerd.wire.cri.v1.UpdateRuntimeConfigRequest;
import dev.retainerd.wire.cri.v1.UpdateRuntimeConfigResponse;
import dev.retainerd.wire.cri.v1.VersionRequest;
import dev.retainerd.wire.cri.v1.VersionResponse;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * CRI's RuntimeService, whole. Lists answer from the state alone and never wait for a shim.
 * Thread-safe.
 */
public final class CriRuntime extends CriCheckpoints {
  private static final String NAMESPACE = SandboxService.NAMESPACE;

  /** What ExecSync answers at most of each stream; what comes after it is dropped. */
  private static final int MOST_OUTPUT_BYTES = 16 << 20;

  private static final int LONGEST_ID = 80;

  /** Ten years; a client that says more means no limit. */
  private static final long LONGEST_SECONDS = 315_360_000;

  /**
   * What Status and its like answer from.
   *
   * @param runtimeHandlers each with its features; the one without a name is the default
   * @param networkNotReady why no pod can be attached; empty: it can
   * @param info details for a verbose Status
   */
  public record NodeFacts(
      String version,
      Supplier<List<RuntimeHandler>> runtimeHandlers,
      boolean systemdCgroup,
      Supplier<Optional<String>> networkNotReady,
      Supplier<Map<String, String>> info) {}

  /** What the service is made of. */
  public record Behind(
      SandboxService sandboxes,
      ContainerService containers,
      TaskService tasks,
      CommandRuns runs,
      StreamServer streams,
      Measures measures,
      Checkpoints checkpoints,
      Journal journal,
      Path snapshotsFolder,
      Path stateFolder) {

    /** The OCI specs of containers, by their ids. */
    Function<String, Optional<SpecEntry>> specs() {
      return id -> journal.state().get(Kind.SPEC.key(NAMESPACE, id));
    }
  }

  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final TaskService tasks;
  private final CommandRuns runs;
  private final StreamServer streams;
  private final VerboseInfo verbose;
  private final NodeFacts node;
  private final Supplier<Origin> origins;

  /**
   * Makes the service.
   *
   * @param origins says who makes the present call
   */
  public CriRuntime(Behind behind, NodeFacts node, Supplier<Origin> origins) {
    super(behind, origins);
    this.sandboxes = behind.sandboxes();
    this.containers = behind.containers();
    this.tasks = behind.tasks();
    this.runs = behind.runs();
    this.streams = behind.streams();
    this.node = node;
    this.origins = origins;
    this.verbose = new VerboseInfo(tasks, sandboxes, behind.specs());
  }

  @Override
  public void version(VersionRequest request, StreamObserver<VersionResponse> caller) {
    answer(
        caller,
        () ->
            VersionResponse.newBuilder()
                .setVersion("0.1.0")
                .setRuntimeName("retainerd")
                .setRuntimeVersion(node.version())
                .setRuntimeApiVersion("v1")
                .build());
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> caller) {
    answer(
        caller,
        () -> {
          Optional<String> notReady = node.networkNotReady().get();
          RuntimeCondition.Builder network =
              RuntimeCondition.newBuilder().setType("NetworkReady").setStatus(notReady.isEmpty());
          notReady.ifPresent(why -> network.setReason("NetworkPluginNotReady").setMessage(why));
          StatusResponse.Builder status =
              StatusResponse.newBuilder()
                  .setStatus(
                      RuntimeStatus.newBuilder()
                          .addConditions(
                              RuntimeCondition.newBuilder().setType("RuntimeReady").setStatus(true))
                          .addConditions(network));
          status.addAllRuntimeHandlers(node.runtimeHandlers().get());
          status.setFeatures(RuntimeFeatures.newBuilder().setSupplementalGroupsPolicy(true));
          if (request.getVerbose()) {
            status.putAllInfo(node.info().get());
          }
          return status.build();
        });
  }

  @Override
  public void runtimeConfig(
      RuntimeConfigRequest request, StreamObserver<RuntimeConfigResponse> caller) {
    answer(
        caller,
        () ->
            RuntimeConfigResponse.newBuilder()
                .setLinux(
                    LinuxRuntimeConfiguration.newBuilder()
                        .setCgroupDriver(
                            node.systemdCgroup() ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS))
                .build());
  }

  /** The pod CIDR that kubelet tells is of no use here: CNI's own configuration rules. */
  @Override
  public void updateRuntimeConfig(
      UpdateRuntimeConfigRequest request, StreamObserver<UpdateRuntimeConfigResponse> caller) {
    answer(caller, UpdateRuntimeConfigResponse::getDefaultInstance);
  }

  @Override
  public void runPodSandbox(
      RunPodSandboxRequest request, StreamObserver<RunPodSandboxResponse> caller) {
    String id = sandboxes.run(origins.get(), request.getConfig(), request.getRuntimeHandler());
    made(caller, RunPodSandboxResponse.newBuilder().setPodSandboxId(id).build());
    if (reached(caller)) {
      sandboxes.answered(id);
    }
  }

  @Override
  public void stopPodSandbox(
      StopPodSandboxRequest request, StreamObserver<StopPodSandboxResponse> caller) {
    answer(
        caller,
        () -> {
          sandboxId(request.getPodSandboxId()).ifPresent(id -> sandboxes.stop(origins.get(), id));
          return StopPodSandboxResponse.getDefaultInstance();
        });
  }

  @Override
  public void removePodSandbox(
      RemovePodSandboxRequest request, StreamObserver<RemovePodSandboxResponse> caller) {
    answer(
        caller,
        () -> {
          sandboxId(request.getPodSandboxId()).ifPresent(id -> sandboxes.remove(origins.get(), id));
          return RemovePodSandboxResponse.getDefaultInstance();
        });
  }

  @Override
  public void podSandboxStatus(
      PodSandboxStatusRequest request, StreamObserver<PodSandboxStatusResponse> caller) {
    answer(
        caller,
        () -> {
          // Before anything is read: what follows is no older than it.
          Instant now = Instant.now();
          SandboxEntry entry = sandbox(request.getPodSandboxId());
          PodSandboxStatusResponse.Builder status =
              PodSandboxStatusResponse.newBuilder()
                  .setStatus(CriViews.sandboxStatus(entry))
                  .setTimestamp(now.getEpochSecond() * 1_000_000_000L + now.getNano());
          containers
              .ofSandbox(entry.getSandbox().getId())
              .forEach(c -> status.addContainersStatuses(CriViews.containerStatus(c, task(c))));
          if (request.getVerbose()) {
            status.putAllInfo(verbose.of(entry));
          }
          return status.build();
        });
  }

  @Override
  public void listPodSandbox(
      ListPodSandboxRequest request, StreamObserver<ListPodSandboxResponse> caller) {
    answer(
        caller,
        () -> {
          return ListPodSandboxResponse.newBuilder()
              .setUnknownFields(
                  EncodedItems.field(
                      ListPodSandboxResponse.ITEMS_FIELD_NUMBER, pods(request.getFilter())))
              .build();
        });
  }

  private List<ByteString> pods(PodSandboxFilter filter) {
    List<SandboxEntry> candidates = CriFilters.candidates(filter, sandboxes);
    boolean all = CriFilters.selectsAll(filter);
    List<ByteString> found = new ArrayList<>(candidates.size());
    for (SandboxEntry entry : candidates) {
      if (all || CriFilters.matches(filter, entry)) {
        found.add(items.of(entry));
      }
    }
    if (all) {
      items.keepPods(candidates);
    }
    return found;
  }

  @Override
  public void streamPodSandboxes(
      StreamPodSandboxesRequest request, StreamObserver<StreamPodSandboxesResponse> caller) {
    inBatches(
        caller,
        pods(request.getFilter()),
        some ->
            StreamPodSandboxesResponse.newBuilder()
                .setUnknownFields(
                    EncodedItems.field(StreamPodSandboxesResponse.POD_SANDBOXES_FIELD_NUMBER, some))
                .build());
  }

  private static <T> void made(StreamObserver<T> caller, T response) {
    if (reached(caller)) {
      answer(caller, () -> response);
    }
  }

  /** Whether the caller still waits: one whose deadline has passed comes again. */
  static boolean reached(StreamObserver<?> caller) {
    return !(caller instanceof ServerCallStreamObserver<?> call && call.isCancelled());
  }

  @Override
  public void createContainer(
      CreateContainerRequest request, StreamObserver<CreateContainerResponse> caller) {
    String pod =
        sandboxId(request.getPodSandboxId())
            .orElseThrow(
                () ->
                    Refusal.notFound(
                        "pod sandbox " + shown(request.getPodSandboxId()) + " does not exist"));
    String id =
        containers.create(origins.get(), pod, request.getConfig(), request.getSandboxConfig());
    made(caller, CreateContainerResponse.newBuilder().setContainerId(id).build());
    if (reached(caller)) {
      containers.answered(id);
    }
  }

  @Override
  public void startContainer(
      StartContainerRequest request, StreamObserver<StartContainerResponse> caller) {
    answer(
        caller,
        () -> {
          containers.start(
              origins.get(), container(request.getContainerId()).getContainer().getId());
          return StartContainerResponse.getDefaultInstance();
        });
  }

  @Override
  public void stopContainer(
      StopContainerRequest request, StreamObserver<StopContainerResponse> caller) {
    answer(
        caller,
        () -> {
          if (request.getTimeout() < 0) {
            throw Refusal.invalidArgument(
                "a container cannot be given "
                    + request.getTimeout()
                    + " s to stop; use 0 or more");
          }
          containerId(request.getContainerId())
              .ifPresent(
                  id ->
                      containers.stop(
                          origins.get(),
                          id,
                          Duration.ofSeconds(Math.min(request.getTimeout(), LONGEST_SECONDS)),
                          callerGone()));
          return StopContainerResponse.getDefaultInstance();
        });
  }

  @Override
  public void removeContainer(
      RemoveContainerRequest request, StreamObserver<RemoveContainerResponse> caller) {
    answer(
        caller,
        () -> {
          containerId(request.getContainerId())
              .ifPresent(id -> containers.remove(origins.get(), id));
          return RemoveContainerResponse.getDefaultInstance();
        });
  }

  @Override
  public void listContainers(
      ListContainersRequest request, StreamObserver<ListContainersResponse> caller) {
    answer(
        caller,
        () -> {
          return ListContainersResponse.newBuilder()
              .setUnknownFields(
                  EncodedItems.field(
                      ListContainersResponse.CONTAINERS_FIELD_NUMBER,
                      containers(request.getFilter())))
              .build();
        });
  }

  private List<ByteString> containers(ContainerFilter filter) {
    List<ContainerEntry> candidates = CriFilters.candidates(filter, containers, sandboxes);
    boolean all = CriFilters.selectsAll(filter);
    List<ByteString> found = new ArrayList<>(candidates.size());
    for (ContainerEntry entry : candidates) {
      Optional<TaskEntry> task = CriViews.hasEnded(entry) ? Optional.empty() : task(entry);
      if (all || CriFilters.matches(filter, entry, task)) {
        found.add(items.of(entry, task));
      }
    }
    if (all) {
      items.keepContainers(candidates);
    }
    return found;
  }

  @Override
  public void streamContainers(
      StreamContainersRequest request, StreamObserver<StreamContainersResponse> caller) {
    inBatches(
        caller,
        containers(request.getFilter()),
        some ->
            StreamContainersResponse.newBuilder()
                .setUnknownFields(
                    EncodedItems.field(StreamContainersResponse.CONTAINERS_FIELD_NUMBER, some))
                .build());
  }

  @Override
  public void updateContainerResources(
      UpdateContainerResourcesRequest request,
      StreamObserver<UpdateContainerResourcesResponse> caller) {
    answer(
        caller,
        () -> {
          containers.update(
              origins.get(),
              container(request.getContainerId()).getContainer().getId(),
              request.getLinux());
          return UpdateContainerResourcesResponse.getDefaultInstance();
        });
  }

  @Override
  public void updatePodSandboxResources(
      UpdatePodSandboxResourcesRequest request,
      StreamObserver<UpdatePodSandboxResourcesResponse> caller) {
    answer(
        caller,
        () -> {
          sandboxes.updateResources(
              origins.get(),
              sandbox(request.getPodSandboxId()).getSandbox().getId(),
              request.hasOverhead() ? request.getOverhead().toByteString() : ByteString.EMPTY,
              request.hasResources() ? request.getResources().toByteString() : ByteString.EMPTY);
          return UpdatePodSandboxResourcesResponse.getDefaultInstance();
        });
  }

  @Override
  public void containerStatus(
      ContainerStatusRequest request, StreamObserver<ContainerStatusResponse> caller) {
    answer(
        caller,
        () -> {
          ContainerEntry entry = container(request.getContainerId());
          ContainerStatusResponse.Builder status =
              ContainerStatusResponse.newBuilder()
                  .setStatus(CriViews.containerStatus(entry, task(entry)));
          if (request.getVerbose()) {
            status.putAllInfo(verbose.of(entry, task(entry)));
          }
          return status.build();
        });
  }

  @Override
  public void execSync(ExecSyncRequest request, StreamObserver<ExecSyncResponse> caller) {
    answer(
        caller,
        () -> {
          if (request.getTimeout() < 0) {
            throw Refusal.invalidArgument(
                "a command cannot run for " + request.getTimeout() + " s; use 0 for no limit");
          }
          return execSync(
              container(request.getContainerId()).getContainer().getId(),
              request.getCmdList(),
              Duration.ofSeconds(Math.min(request.getTimeout(), LONGEST_SECONDS)));
        });
  }

  /** Completes when the caller hangs up or its deadline passes. */
  private static CompletableFuture<Void> callerGone() {
    CompletableFuture<Void> gone = new CompletableFuture<>();
    Context.current().addListener(context -> gone.complete(null), Runnable::run);
    return gone;
  }

  private ExecSyncResponse execSync(String id, List<String> command, Duration patience) {
    CappedBytes stdout = new CappedBytes(MOST_OUTPUT_BYTES);
    CappedBytes stderr = new CappedBytes(MOST_OUTPUT_BYTES);
    int code =
        runs.run(
            origins.get(),
            new CommandRuns.Command(
                id,
                command,
                false,
                Optional.empty(),
                stdout,
                stderr,
                patience,
                callerGone(),
                true,
                resize -> {}));
    return ExecSyncResponse.newBuilder()
        .setStdout(ByteString.copyFrom(stdout.toByteArray()))
        .setStderr(ByteString.copyFrom(stderr.toByteArray()))
        .setExitCode(code)
        .build();
  }

  @Override
  public void exec(ExecRequest request, StreamObserver<ExecResponse> caller) {
    answer(
        caller,
        () ->
            ExecResponse.newBuilder()
                .setUrl(
                    streams
                        .address(
                            new StreamRequest.Exec(
                                running(request.getContainerId()),
                                request.getCmdList(),
                                new StreamRequest.Streams(
                                    request.getStdin(),
                                    request.getStdout(),
                                    request.getStderr(),
                                    request.getTty())))
                        .toString())
                .build());
  }

  @Override
  public void attach(AttachRequest request, StreamObserver<AttachResponse> caller) {
    answer(
        caller,
        () ->
            AttachResponse.newBuilder()
                .setUrl(
                    streams
                        .address(
                            new StreamRequest.Attach(
                                running(request.getContainerId()),
                                new StreamRequest.Streams(
                                    request.getStdin(),
                                    request.getStdout(),
                                    request.getStderr(),
                                    request.getTty())))
                        .toString())
                .build());
  }

  @Override
  public void portForward(PortForwardRequest request, StreamObserver<PortForwardResponse> caller) {
    answer(
        caller,
        () -> {
          SandboxEntry pod = sandbox(request.getPodSandboxId());
          if (CriViews.state(pod) != PodSandboxState.SANDBOX_READY) {
            throw Refusal.failedPrecondition(
                "pod sandbox " + pod.getSandbox().getId() + " is not ready; it has no ports");
          }
          return PortForwardResponse.newBuilder()
              .setUrl(
                  streams
                      .address(
                          new StreamRequest.PortForward(
                              pod.getSandbox().getId(), request.getPortList()))
                      .toString())
              .build();
        });
  }

  /** The id of a container that runs; others have no streams. */
  private String running(String id) {
    ContainerEntry entry = container(id);
    if (CriViews.state(entry, task(entry)) != ContainerState.CONTAINER_RUNNING) {
      throw Refusal.failedPrecondition(
          "container " + entry.getContainer().getId() + " does not run; start it first");
    }
    return entry.getContainer().getId();
  }

  @Override
  SandboxEntry sandbox(String id) {
    return sandboxId(id)
        .flatMap(sandboxes::find)
        .orElseThrow(() -> Refusal.notFound("pod sandbox " + shown(id) + " does not exist"));
  }

  @Override
  public void reopenContainerLog(
      ReopenContainerLogRequest request, StreamObserver<ReopenContainerLogResponse> caller) {
    answer(
        caller,
        () -> {
          tasks.reopenLog(NAMESPACE, running(request.getContainerId()));
          return ReopenContainerLogResponse.getDefaultInstance();
        });
  }

  private Optional<TaskEntry> task(ContainerEntry entry) {
    return tasks.find(NAMESPACE, entry.getContainer().getId());
  }

  @Override
  ContainerEntry container(String id) {
    return containerId(id)
        .flatMap(containers::find)
        .orElseThrow(() -> Refusal.notFound("container " + shown(id) + " does not exist"));
  }

  /**
   * The full id where the given one is whole or an unambiguous beginning, as crictl's users give
   * it.
   */
  private Optional<String> containerId(String id) {
    return id.indexOf('\0') < 0 && containers.find(id).isPresent()
        ? Optional.of(id)
        : single(id, containers.beginning(id).stream().map(c -> c.getContainer().getId()).toList());
  }

  private Optional<String> sandboxId(String id) {
    return id.indexOf('\0') < 0 && sandboxes.find(id).isPresent()
        ? Optional.of(id)
        : single(id, sandboxes.beginning(id).stream().map(s -> s.getSandbox().getId()).toList());
  }

  /** An id as a sentence can hold it, whatever a client calls one. */
  static String shown(String id) {
    String plain = id.replaceAll("\\p{Cntrl}", "?");
    return plain.length() <= LONGEST_ID ? plain : plain.substring(0, LONGEST_ID) + "...";
  }

  private static Optional<String> single(String prefix, List<String> ids) {
    if (prefix.isEmpty()) {
      throw Refusal.invalidArgument("the request names no id");
    }
    if (ids.size() > 1) {
      throw Refusal.invalidArgument(
          ids.size() + " ids begin with " + shown(prefix) + "; give more of it");
    }
    return ids.stream().findFirst();
  }
}
