package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.node.Node;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxConfig;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxMetadata;
import dev.retainerd.wire.cri.v1.RemoveContainerRequest;
import dev.retainerd.wire.cri.v1.RemovePodSandboxRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import dev.retainerd.wire.cri.v1.StartContainerRequest;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** One pod of one container from RunPodSandbox to RemovePodSandbox, over CRI. */
public final class PodCycle implements Scenario {
  private final Node node;
  private final Path busybox;
  private final RuntimeClient client;

  /** The image is made from {@code busybox}. */
  public PodCycle(Node node, Path busybox) {
    this.node = node;
    this.busybox = busybox;
    this.client = node.connect();
  }

  @Override
  public String target() {
    return node.name();
  }

  @Override
  public void prepare() throws Exception {
    node.importImage(busybox, "k8s.io");
  }

  @Override
  public Map<String, Long> round(int number) throws Exception {
    PodSandboxConfig config = pod(number);
    Phases phases = new Phases();
    String pod =
        client
            .cri()
            .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build())
            .getPodSandboxId();
    phases.lap("run pod");
    String container = create(pod, config);
    phases.lap("create container");
    client
        .cri()
        .startContainer(StartContainerRequest.newBuilder().setContainerId(container).build());
    phases.lap("start container");
    client
        .cri()
        .stopContainer(
            StopContainerRequest.newBuilder().setContainerId(container).setTimeout(0).build());
    phases.lap("stop container");
    client
        .cri()
        .removeContainer(RemoveContainerRequest.newBuilder().setContainerId(container).build());
    phases.lap("remove container");
    remove(pod, phases);
    return phases.finish();
  }

  /** Starts a pod that stays, for scenarios about many of them; returns its id. */
  String start(int number) {
    PodSandboxConfig config = pod(number);
    String pod =
        client
            .cri()
            .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build())
            .getPodSandboxId();
    client
        .cri()
        .startContainer(
            StartContainerRequest.newBuilder().setContainerId(create(pod, config)).build());
    return pod;
  }

  /** Stops and removes a pod and what is in it. */
  void remove(String pod) {
    remove(pod, new Phases());
  }

  private void remove(String pod, Phases phases) {
    client.cri().stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
    phases.lap("stop pod");
    client
        .cri()
        .removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
    phases.lap("remove pod");
  }

  private String create(String pod, PodSandboxConfig config) {
    ContainerConfig container =
        ContainerConfig.newBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName("sleep"))
            .setImage(ImageSpec.newBuilder().setImage(Node.image()))
            .addCommand("/bin/sleep")
            .addArgs("2147483647")
            .setLogPath("sleep.log")
            .setLinux(
                LinuxContainerConfig.newBuilder()
                    .setSecurityContext(
                        LinuxContainerSecurityContext.newBuilder()
                            .setNamespaceOptions(
                                NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
            .build();
    return client
        .cri()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(pod)
                .setConfig(container)
                .setSandboxConfig(config)
                .build())
        .getContainerId();
  }

  private PodSandboxConfig pod(int number) {
    Path logs = node.folder().resolve("logs-" + number);
    if (!Files.isDirectory(logs) && !logs.toFile().mkdirs()) {
      throw new IllegalStateException(logs + " can't be made; is /tmp full?");
    }
    return PodSandboxConfig.newBuilder()
        .setMetadata(
            PodSandboxMetadata.newBuilder()
                .setName("bench-" + number)
                .setNamespace("bench")
                .setUid("bench-" + ProcessHandle.current().pid() + "-" + number))
        .setHostname("bench-" + number)
        .setLogDirectory(logs.toString())
        .setLinux(
            LinuxPodSandboxConfig.newBuilder()
                .setCgroupParent("/retain-bench")
                .setSecurityContext(
                    LinuxSandboxSecurityContext.newBuilder()
                        .setNamespaceOptions(
                            NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
        .build();
  }

  @Override
  public void close() {
    client.close();
  }
}
