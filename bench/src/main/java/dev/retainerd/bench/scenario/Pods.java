package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
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
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** The steps of a pod's life over CRI. Safe for use by many threads. */
public final class Pods implements AutoCloseable {
  /** What a container does that is only to be there. */
  public static final List<String> SLEEP = List.of("/bin/sleep", "2147483647");

  private final Target target;
  private final RuntimeClient client;
  private final String suite;
  private final NamespaceMode network;

  /**
   * {@code suite} tells the pods of one stage from those of another on the same target. With {@code
   * network} NODE no pod has a network of its own.
   */
  public Pods(Target target, String suite, NamespaceMode network) {
    this.target = target;
    this.suite = suite;
    this.network = network;
    this.client = target.connect();
  }

  /** Pods with a network of their own. */
  public Pods(Target target, String suite) {
    this(target, suite, NamespaceMode.POD);
  }

  /** The client, for calls that belong to no pod's life. */
  public RuntimeClient client() {
    return client;
  }

  /** Where the logs of a pod lie. */
  public Path logs(int number) {
    return target.folder().resolve("logs-" + suite + "-" + number);
  }

  /** RunPodSandbox; returns its id. */
  public String run(int number) {
    return client
        .cri()
        .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config(number)).build())
        .getPodSandboxId();
  }

  /** CreateContainer; its log is {@code NAME.log}. Returns its id. */
  public String create(String pod, int number, String name, List<String> args) {
    return create(pod, number, name, args, List.of());
  }

  /** The same with mounts of the host. */
  public String create(String pod, int number, String name, List<String> args, List<Mount> mounts) {
    ContainerConfig container =
        ContainerConfig.newBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName(name))
            .setImage(ImageSpec.newBuilder().setImage(Target.IMAGE))
            .addAllCommand(args)
            .addAllMounts(mounts)
            .setLogPath(name + ".log")
            .setLinux(
                LinuxContainerConfig.newBuilder()
                    .setSecurityContext(
                        LinuxContainerSecurityContext.newBuilder()
                            .setNamespaceOptions(namespaces())))
            .build();
    return client
        .cri()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(pod)
                .setConfig(container)
                .setSandboxConfig(config(number))
                .build())
        .getContainerId();
  }

  /** StartContainer. */
  public void start(String container) {
    client
        .cri()
        .startContainer(StartContainerRequest.newBuilder().setContainerId(container).build());
  }

  /** ExecSync; anything but exit code 0 is a failure. */
  public void exec(String container, List<String> command) {
    int code =
        client
            .cri()
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(container)
                    .addAllCmd(command)
                    .setTimeout(RuntimeClient.DEADLINE_SECONDS)
                    .build())
            .getExitCode();
    if (code != 0) {
      throw new IllegalStateException(command + " exited with " + code + " instead of 0");
    }
  }

  /** StopContainer without grace. */
  public void stop(String container) {
    client
        .cri()
        .stopContainer(
            StopContainerRequest.newBuilder().setContainerId(container).setTimeout(0).build());
  }

  /** Waits until it is known to have exited by itself. */
  public void awaitExit(String container) throws InterruptedException {
    ContainerStatusRequest request =
        ContainerStatusRequest.newBuilder().setContainerId(container).build();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(RuntimeClient.DEADLINE_SECONDS);
    while (client.cri().containerStatus(request).getStatus().getState()
        != ContainerState.CONTAINER_EXITED) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(container + " is still said to run");
      }
      Thread.sleep(10);
    }
  }

  /** RemoveContainer. */
  public void remove(String container) {
    client
        .cri()
        .removeContainer(RemoveContainerRequest.newBuilder().setContainerId(container).build());
  }

  /** StopPodSandbox. */
  public void stopPod(String pod) {
    client.cri().stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
  }

  /** RemovePodSandbox. */
  public void removePod(String pod) {
    client
        .cri()
        .removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
  }

  /** A pod with one sleeping container; returns the pod's id. */
  public String sleeping(int number) {
    return sleeping(number, pod -> {});
  }

  /** The same; {@code acknowledged} hears the pod's id before the container is made. */
  public String sleeping(int number, Consumer<String> acknowledged) {
    String pod = run(number);
    acknowledged.accept(pod);
    start(create(pod, number, "sleep", SLEEP));
    return pod;
  }

  /** Stops and removes a pod and what is in it. */
  public void end(String pod) {
    stopPod(pod);
    removePod(pod);
  }

  /** The same for clean-up, where a failure is told and ends nothing. */
  public void endQuietly(List<String> pods) {
    try {
      AtOnce.run(pods.size(), 4, i -> end(pods.get(i)));
    } catch (Exception e) {
      System.err.println(
          "retain-bench: pods of "
              + target.name()
              + " could not be removed: "
              + e.getMessage()
              + "; the node is removed as a whole");
    }
  }

  private NamespaceOption namespaces() {
    return NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER).setNetwork(network).build();
  }

  private PodSandboxConfig config(int number) {
    Path logs = logs(number);
    // A second thread may have made it meanwhile.
    if (!logs.toFile().mkdirs() && !logs.toFile().isDirectory()) {
      throw new IllegalStateException(logs + " can't be made; is the disk full?");
    }
    String name = "bench-" + suite + "-" + number;
    PodSandboxConfig.Builder config =
        PodSandboxConfig.newBuilder()
            .setMetadata(
                PodSandboxMetadata.newBuilder()
                    .setName(name)
                    .setNamespace("bench")
                    .setUid(name + "-" + ProcessHandle.current().pid()))
            .setLogDirectory(logs.toString())
            .setLinux(
                LinuxPodSandboxConfig.newBuilder()
                    .setCgroupParent(target.cgroup())
                    .setSecurityContext(
                        LinuxSandboxSecurityContext.newBuilder()
                            .setNamespaceOptions(namespaces())));
    if (network == NamespaceMode.POD) {
      config.setHostname(name);
    }
    return config.build();
  }

  @Override
  public void close() {
    client.close();
  }
}
