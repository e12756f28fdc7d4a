package dev.retainerd.runtime.scenario;

import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxConfig;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.Mount;
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
import dev.retainerd.wire.cri.v1.UpdateContainerResourcesRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Pods and containers of a node over CRI, in the words of a scenario. */
final class Pods {
  /** Prints a numbered line ten times a second; asked to end, it exits with 3. */
  static final String COUNTER =
      "trap 'exit 3' TERM; i=1; while :; do echo line $i; i=$((i+1)); sleep 0.1; done";

  private final Node node;

  Pods(Node node) {
    this.node = node;
  }

  /** What a kubelet would send for a pod of that name; always the same for the same name. */
  PodSandboxConfig config(String name) {
    return config(name, NamespaceMode.CONTAINER);
  }

  /** The same, and with {@code POD} all its containers share one pid namespace. */
  PodSandboxConfig config(String name, NamespaceMode pids) {
    return PodSandboxConfig.newBuilder()
        .setMetadata(
            PodSandboxMetadata.newBuilder()
                .setName(name)
                .setNamespace("default")
                .setUid(name + "-uid"))
        .setHostname(name)
        .setLogDirectory(node.pods().resolve(name).toString())
        .setLinux(
            LinuxPodSandboxConfig.newBuilder()
                .setCgroupParent("/" + node.name())
                .setSecurityContext(
                    LinuxSandboxSecurityContext.newBuilder()
                        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(pids))))
        .build();
  }

  /** RunPodSandbox; the id. */
  String run(String name) {
    return run(config(name));
  }

  /** RunPodSandbox; the id. */
  String run(PodSandboxConfig config) {
    return run(config, "");
  }

  /** RunPodSandbox by a runtime handler; the id. */
  String run(PodSandboxConfig config, String handler) {
    return node.cri()
        .runPodSandbox(
            RunPodSandboxRequest.newBuilder().setConfig(config).setRuntimeHandler(handler).build())
        .getPodSandboxId();
  }

  /**
   * What a kubelet would send for a container that runs {@code script}; /signal is shared with us.
   */
  ContainerConfig containerConfig(String name, String script) {
    return containerConfig(name, script, NamespaceMode.CONTAINER);
  }

  private ContainerConfig containerConfig(String name, String script, NamespaceMode pids) {
    return ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName(name))
        .setImage(ImageSpec.newBuilder().setImage(Node.IMAGE))
        .addAllCommand(List.of("/bin/sh", "-c", script))
        .setLogPath(name + ".log")
        .setLinux(
            LinuxContainerConfig.newBuilder()
                .setSecurityContext(
                    LinuxContainerSecurityContext.newBuilder()
                        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(pids))))
        .addMounts(
            Mount.newBuilder()
                .setContainerPath("/signal")
                .setHostPath(signals().toString())
                .setReadonly(true))
        .build();
  }

  /** CreateContainer; the id. */
  String create(String pod, String podName, String name, String script) {
    return create(pod, config(podName), name, script);
  }

  /** CreateContainer; the id. */
  String create(String pod, PodSandboxConfig podConfig, String name, String script) {
    return node.cri()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(pod)
                .setConfig(
                    containerConfig(
                        name,
                        script,
                        podConfig.getLinux().getSecurityContext().getNamespaceOptions().getPid()))
                .setSandboxConfig(podConfig)
                .build())
        .getContainerId();
  }

  /** CreateContainer with a memory limit, and StartContainer; the id. */
  String startLimited(String pod, String podName, String name, String script, long bytes) {
    ContainerConfig plain = containerConfig(name, script);
    return start(
        pod,
        podName,
        plain.toBuilder()
            .setLinux(
                plain.getLinux().toBuilder()
                    .setResources(
                        LinuxContainerResources.newBuilder().setMemoryLimitInBytes(bytes)))
            .build());
  }

  /** CreateContainer and StartContainer; the id. */
  String start(String pod, String podName, String name, String script) {
    String id = create(pod, podName, name, script);
    start(id);
    return id;
  }

  /** CreateContainer and StartContainer; the id. */
  String start(String pod, String podName, ContainerConfig config) {
    String id =
        node.cri()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(pod)
                    .setConfig(config)
                    .setSandboxConfig(config(podName))
                    .build())
            .getContainerId();
    start(id);
    return id;
  }

  void start(String container) {
    node.cri().startContainer(StartContainerRequest.newBuilder().setContainerId(container).build());
  }

  ContainerStatus status(String container) {
    return node.cri()
        .containerStatus(ContainerStatusRequest.newBuilder().setContainerId(container).build())
        .getStatus();
  }

  /** UpdateContainerResources. */
  void update(String container, LinuxContainerResources.Builder resources) {
    node.cri()
        .updateContainerResources(
            UpdateContainerResourcesRequest.newBuilder()
                .setContainerId(container)
                .setLinux(resources)
                .build());
  }

  void stop(String container, int seconds) {
    node.cri()
        .stopContainer(
            StopContainerRequest.newBuilder()
                .setContainerId(container)
                .setTimeout(seconds)
                .build());
  }

  void remove(String container) {
    node.cri()
        .removeContainer(RemoveContainerRequest.newBuilder().setContainerId(container).build());
  }

  void stopPod(String pod) {
    node.cri().stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
  }

  void removePod(String pod) {
    node.cri().removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
  }

  /** A folder that containers see as /signal. */
  Path signals() {
    try {
      return Files.createDirectories(node.folder().resolve("signal"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Makes /signal/{@code name} appear in every container. */
  void signal(String name) {
    try {
      Files.writeString(signals().resolve(name), "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The pid of the container's first process, as the real ctr shows it; 0 when it shows none. */
  long pid(String container) {
    return node.ctrIn("k8s.io", "tasks", "ls")
        .expectSuccess()
        .lines()
        .map(line -> line.strip().split("\\s+"))
        .filter(fields -> fields.length >= 2 && fields[0].equals(container))
        .mapToLong(fields -> Long.parseLong(fields[1]))
        .findFirst()
        .orElse(0);
  }

  /** The container's log as lines in CRI's format; empty before there is one. */
  List<String> log(String podName, String containerName) {
    Path file = node.pods().resolve(podName).resolve(containerName + ".log");
    try {
      return Files.exists(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Fails unless the log is line 1, line 2, ... without a gap and without a repetition. */
  void expectCounted(String podName, String containerName) {
    List<String> lines = log(podName, containerName);
    for (int i = 0; i < lines.size(); i++) {
      String[] fields = lines.get(i).split(" ", 4);
      if (fields.length != 4
          || !fields[1].equals("stdout")
          || !fields[2].equals("F")
          || !fields[3].equals("line " + (i + 1))) {
        throw new AssertionError("log line " + (i + 1) + " is: " + lines.get(i));
      }
    }
  }
}
