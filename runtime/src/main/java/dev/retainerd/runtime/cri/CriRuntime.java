package dev.retainerd.runtime.cri;

import static dev.retainerd.runtime.cri.Answers.answer;

import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.wire.cri.v1.CgroupDriver;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.ContainerStatusResponse;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.CreateContainerResponse;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.LinuxRuntimeConfiguration;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListContainersResponse;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxResponse;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatusResponse;
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
import dev.retainerd.wire.cri.v1.RuntimeHandler;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.cri.v1.RuntimeStatus;
import dev.retainerd.wire.cri.v1.StartContainerRequest;
import dev.retainerd.wire.cri.v1.StartContainerResponse;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.StatusResponse;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import dev.retainerd.wire.cri.v1.StopContainerResponse;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxResponse;
import dev.retainerd.wire.cri.v1.UpdateRuntimeConfigRequest;
import dev.retainerd.wire.cri.v1.UpdateRuntimeConfigResponse;
import dev.retainerd.wire.cri.v1.VersionRequest;
import dev.retainerd.wire.cri.v1.VersionResponse;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * CRI's RuntimeService. Lists answer from the state alone and never wait for a shim. Methods that
 * are not here answer UNIMPLEMENTED. Thread-safe.
 */
public final class CriRuntime extends RuntimeServiceGrpc.RuntimeServiceImplBase {
  private static final String NAMESPACE = SandboxService.NAMESPACE;

  /**
   * What Status and its like answer from.
   *
   * @param networkNotReady why no pod can be attached; empty: it can
   * @param info details for a verbose Status
   */
  public record NodeFacts(
      String version,
      List<String> runtimeHandlers,
      boolean systemdCgroup,
      Supplier<Optional<String>> networkNotReady,
      Supplier<Map<String, String>> info) {}

  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final TaskService tasks;
  private final ExecSync execSync;
  private final NodeFacts node;
  private final Supplier<Origin> origins;

  /**
   * Makes the service.
   *
   * @param execFolder where output of ExecSync is kept while it runs
   * @param origins says who makes the present call
   */
  public CriRuntime(
      SandboxService sandboxes,
      ContainerService containers,
      TaskService tasks,
      dev.retainerd.runtime.task.ExecService execs,
      dev.retainerd.runtime.engine.Journal journal,
      Path execFolder,
      Supplier<String> newId,
      NodeFacts node,
      Supplier<Origin> origins) {
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.tasks = tasks;
    this.execSync = new ExecSync(journal, containers, tasks, execs, execFolder, newId);
    this.node = node;
    this.origins = origins;
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
          status.addRuntimeHandlers(RuntimeHandler.newBuilder());
          node.runtimeHandlers()
              .forEach(
                  name -> status.addRuntimeHandlers(RuntimeHandler.newBuilder().setName(name)));
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
    answer(
        caller,
        () ->
            RunPodSandboxResponse.newBuilder()
                .setPodSandboxId(
                    sandboxes.run(origins.get(), request.getConfig(), request.getRuntimeHandler()))
                .build());
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
          SandboxEntry entry =
              sandboxId(request.getPodSandboxId())
                  .flatMap(sandboxes::find)
                  .orElseThrow(
                      () ->
                          Refusal.notFound(
                              "pod sandbox " + request.getPodSandboxId() + " does not exist"));
          PodSandboxStatusResponse.Builder status =
              PodSandboxStatusResponse.newBuilder().setStatus(CriViews.sandboxStatus(entry));
          if (request.getVerbose()) {
            status.putAllInfo(VerboseInfo.of(entry, tasks));
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
          ListPodSandboxResponse.Builder found = ListPodSandboxResponse.newBuilder();
          for (SandboxEntry entry : sandboxes.list()) {
            PodSandbox pod = CriViews.sandbox(entry);
            if (CriFilters.matches(request.getFilter(), pod)) {
              found.addItems(pod);
            }
          }
          return found.build();
        });
  }

  @Override
  public void createContainer(
      CreateContainerRequest request, StreamObserver<CreateContainerResponse> caller) {
    answer(
        caller,
        () -> {
          String pod =
              sandboxId(request.getPodSandboxId())
                  .orElseThrow(
                      () ->
                          Refusal.notFound(
                              "pod sandbox " + request.getPodSandboxId() + " does not exist"));
          return CreateContainerResponse.newBuilder()
              .setContainerId(
                  containers.create(
                      origins.get(), pod, request.getConfig(), request.getSandboxConfig()))
              .build();
        });
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
                      containers.stop(origins.get(), id, Duration.ofSeconds(request.getTimeout())));
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
          ListContainersResponse.Builder found = ListContainersResponse.newBuilder();
          for (ContainerEntry entry : containers.list()) {
            Container container = CriViews.container(entry, task(entry));
            if (CriFilters.matches(request.getFilter(), container)) {
              found.addContainers(container);
            }
          }
          return found.build();
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
            status.putAllInfo(VerboseInfo.of(entry, task(entry)));
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
          return execSync.run(
              origins.get(),
              container(request.getContainerId()).getContainer().getId(),
              request.getCmdList(),
              Duration.ofSeconds(request.getTimeout()));
        });
  }

  @Override
  public void reopenContainerLog(
      ReopenContainerLogRequest request, StreamObserver<ReopenContainerLogResponse> caller) {
    answer(
        caller,
        () -> {
          tasks.reopenLog(NAMESPACE, container(request.getContainerId()).getContainer().getId());
          return ReopenContainerLogResponse.getDefaultInstance();
        });
  }

  private Optional<TaskEntry> task(ContainerEntry entry) {
    return tasks.find(NAMESPACE, entry.getContainer().getId());
  }

  private ContainerEntry container(String id) {
    return containerId(id)
        .flatMap(containers::find)
        .orElseThrow(() -> Refusal.notFound("container " + id + " does not exist"));
  }

  /**
   * The full id where the given one is whole or an unambiguous beginning, as crictl's users give
   * it.
   */
  private Optional<String> containerId(String id) {
    return containers.find(id).isPresent()
        ? Optional.of(id)
        : single(id, containers.list().stream().map(c -> c.getContainer().getId()).toList());
  }

  private Optional<String> sandboxId(String id) {
    return sandboxes.find(id).isPresent()
        ? Optional.of(id)
        : single(id, sandboxes.list().stream().map(s -> s.getSandbox().getId()).toList());
  }

  private static Optional<String> single(String prefix, List<String> ids) {
    if (prefix.isEmpty()) {
      throw Refusal.invalidArgument("the request names no id");
    }
    List<String> matching = ids.stream().filter(id -> id.startsWith(prefix)).toList();
    if (matching.size() > 1) {
      throw Refusal.invalidArgument(
          matching.size() + " ids begin with " + prefix + "; give more of it");
    }
    return matching.stream().findFirst();
  }
}
