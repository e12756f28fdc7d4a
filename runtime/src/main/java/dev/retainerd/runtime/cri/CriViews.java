package dev.retainerd.runtime.cri;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.NetworkAttachment;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.LastRun;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxStatus;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.Namespace;
import dev.retainerd.wire.cri.v1.PodIP;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxMetadata;
import dev.retainerd.wire.cri.v1.PodSandboxNetworkStatus;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStatus;
import dev.retainerd.wire.cri.v1.Signal;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** State as CRI shows it. Pure. */
final class CriViews {
  /** containerd reports it for a process that never ran. */
  private static final int START_ERROR_CODE = 128;

  private CriViews() {}

  static PodSandboxMetadata metadata(SandboxRecord r) {
    return PodSandboxMetadata.newBuilder()
        .setName(r.getName())
        .setNamespace(r.getPodNamespace())
        .setUid(r.getUid())
        .setAttempt(r.getAttempt())
        .build();
  }

  static PodSandboxState state(SandboxEntry e) {
    return e.getPhase() == SandboxPhase.SANDBOX_PHASE_READY
        ? PodSandboxState.SANDBOX_READY
        : PodSandboxState.SANDBOX_NOTREADY;
  }

  static PodSandbox sandbox(SandboxEntry e) {
    SandboxRecord r = e.getSandbox();
    return PodSandbox.newBuilder()
        .setId(r.getId())
        .setMetadata(metadata(r))
        .setState(state(e))
        .setCreatedAt(r.getCreatedAtNanos())
        .putAllLabels(r.getLabelsMap())
        .putAllAnnotations(r.getAnnotationsMap())
        .setRuntimeHandler(r.getRuntimeHandler())
        .build();
  }

  static PodSandboxStatus sandboxStatus(SandboxEntry e) {
    SandboxRecord r = e.getSandbox();
    PodSandboxNetworkStatus.Builder network = PodSandboxNetworkStatus.newBuilder();
    List<String> ips =
        e.getAttachmentsList().stream()
            .map(NetworkAttachment::getAddressesList)
            .flatMap(List::stream)
            .map(CriViews::withoutPrefix)
            .toList();
    if (!ips.isEmpty()) {
      network.setIp(ips.getFirst());
      ips.stream().skip(1).forEach(ip -> network.addAdditionalIps(PodIP.newBuilder().setIp(ip)));
    }
    return PodSandboxStatus.newBuilder()
        .setId(r.getId())
        .setMetadata(metadata(r))
        .setState(state(e))
        .setCreatedAt(r.getCreatedAtNanos())
        .setNetwork(network)
        .setLinux(
            LinuxPodSandboxStatus.newBuilder()
                .setNamespaces(
                    Namespace.newBuilder()
                        .setOptions(
                            SandboxService.config(r)
                                .getLinux()
                                .getSecurityContext()
                                .getNamespaceOptions())))
        .putAllLabels(r.getLabelsMap())
        .putAllAnnotations(r.getAnnotationsMap())
        .setRuntimeHandler(r.getRuntimeHandler())
        .build();
  }

  private static String withoutPrefix(String address) {
    int slash = address.indexOf('/');
    return slash < 0 ? address : address.substring(0, slash);
  }

  /** Whether it will never run again, so that no task need be looked for. */
  static boolean hasEnded(ContainerEntry e) {
    return e.getLastRun().hasExit() || !e.getLastRun().getStartFailure().isEmpty();
  }

  static ContainerState state(ContainerEntry e, Optional<TaskEntry> task) {
    if (hasEnded(e)) {
      return ContainerState.CONTAINER_EXITED;
    }
    boolean running =
        task.map(TaskEntry::getPhase)
            .filter(p -> p == TaskPhase.TASK_PHASE_RUNNING || p == TaskPhase.TASK_PHASE_PAUSED)
            .isPresent();
    return running ? ContainerState.CONTAINER_RUNNING : ContainerState.CONTAINER_CREATED;
  }

  static Container container(ContainerEntry e, Optional<TaskEntry> task) {
    CriContainer cri = e.getContainer().getCri();
    ContainerConfig config = config(e);
    return Container.newBuilder()
        .setId(e.getContainer().getId())
        .setPodSandboxId(cri.getSandboxId())
        .setMetadata(metadata(cri))
        .setImage(image(config, cri))
        .setImageRef(cri.getImageId())
        .setImageId(cri.getImageId())
        .setState(state(e, task))
        .setCreatedAt(e.getContainer().getCreatedAtNanos())
        .putAllLabels(config.getLabelsMap())
        .putAllAnnotations(config.getAnnotationsMap())
        .build();
  }

  private static ContainerMetadata metadata(CriContainer cri) {
    return ContainerMetadata.newBuilder()
        .setName(cri.getName())
        .setAttempt(cri.getAttempt())
        .build();
  }

  private static ImageSpec image(ContainerConfig config, CriContainer cri) {
    return config.getImage().toBuilder().setImage(cri.getImageRef()).build();
  }

  /**
   * What is short may end before its shim has told of its start: it did not begin after its end.
   */
  private static long startedAt(LastRun run) {
    return run.hasExit() && run.getExit().getExitedAtNanos() > 0
        ? Math.min(run.getStartedAtNanos(), run.getExit().getExitedAtNanos())
        : run.getStartedAtNanos();
  }

  /** A kubelet asks for images by id and shows the name that the status says: the tag, if any. */
  private static ImageSpec taggedImage(ContainerEntry e, ContainerConfig config) {
    String name = e.getContainer().getImage();
    boolean tag = !name.isEmpty() && name.indexOf('@') < 0 && !name.startsWith("sha256:");
    CriContainer cri = e.getContainer().getCri();
    return tag ? config.getImage().toBuilder().setImage(name).build() : image(config, cri);
  }

  static ContainerStatus containerStatus(ContainerEntry e, Optional<TaskEntry> task) {
    CriContainer cri = e.getContainer().getCri();
    ContainerConfig config = config(e);
    LastRun run = e.getLastRun();
    ContainerStatus.Builder status =
        ContainerStatus.newBuilder()
            .setId(e.getContainer().getId())
            .setMetadata(metadata(cri))
            .setState(state(e, task))
            .setCreatedAt(e.getContainer().getCreatedAtNanos())
            .setStartedAt(startedAt(run))
            .setImage(taggedImage(e, config))
            .setImageRef(cri.getImageDigest().isEmpty() ? cri.getImageId() : cri.getImageDigest())
            .setImageId(cri.getImageId())
            .putAllLabels(config.getLabelsMap())
            .putAllAnnotations(config.getAnnotationsMap())
            .setLogPath(cri.getLogPath())
            .setStopSignal(stopSignal(cri, config));
    config.getMountsList().forEach(mount -> status.addMounts(mount(mount, cri)));
    if (cri.hasRunsAs()) {
      status
          .getUserBuilder()
          .getLinuxBuilder()
          .setUid(cri.getRunsAs().getUid())
          .setGid(cri.getRunsAs().getGid())
          .addAllSupplementalGroups(cri.getRunsAs().getGroupsList());
    }
    // Also where none were asked for, as containerd does.
    status.getResourcesBuilder().setLinux(config.getLinux().getResources());
    if (!run.getStartFailure().isEmpty() && (!run.hasExit() || neverRestored(run))) {
      status
          .setExitCode(START_ERROR_CODE)
          .setReason("StartError")
          .setMessage(run.getStartFailure())
          .setFinishedAt(
              run.hasExit()
                  ? run.getExit().getExitedAtNanos()
                  : e.getProvenance().getChangedAtNanos());
    } else if (run.hasExit()) {
      status
          .setExitCode(run.getExit().getStatus())
          .setFinishedAt(run.getExit().getExitedAtNanos())
          .setReason(reason(run))
          .setMessage(run.getExit().getReason());
    }
    return status.build();
  }

  /** With the image it turned out to be. */
  private static Mount mount(Mount asked, CriContainer cri) {
    String id = cri.getMountedImagesMap().get(asked.getContainerPath());
    return id == null
        ? asked
        : asked.toBuilder().setImage(asked.getImage().toBuilder().setImageRef(id)).build();
  }

  /** The one that will be sent: the request's, the image's, or TERM. */
  private static Signal stopSignal(CriContainer cri, ContainerConfig config) {
    if (config.getStopSignal() != Signal.SIGNAL_RUNTIME_DEFAULT) {
      return config.getStopSignal();
    }
    String name = cri.getStopSignal().toUpperCase(Locale.ROOT);
    String full = "SIGNAL_" + (name.startsWith("SIG") ? name : "SIG" + name);
    String spelled = full.replace("+", "PLUS").replace("-", "MINUS");
    for (Signal signal : Signal.values()) {
      if (signal.name().equals(spelled)) {
        return signal;
      }
    }
    return Signal.SIGNAL_SIGTERM;
  }

  /** A task that was to be restored had no process, so its exit says nothing. */
  private static boolean neverRestored(LastRun run) {
    return run.getExit().getReason().equals("NeverRestored");
  }

  /** As kubelet knows them. */
  private static String reason(LastRun run) {
    if (!run.getStartFailure().isEmpty()) {
      return "StartError";
    }
    if (run.getExit().getSource() == ExitSource.EXIT_SOURCE_UNKNOWN) {
      return run.getExit().getReason().equals("NodeReboot") ? "NodeReboot" : "Unknown";
    }
    if (run.getOomKilled()) {
      return "OOMKilled";
    }
    return run.getExit().getStatus() == 0 ? "Completed" : "Error";
  }

  static ContainerConfig config(ContainerEntry e) {
    try {
      return ContainerConfig.parseFrom(e.getContainer().getCri().getConfig());
    } catch (InvalidProtocolBufferException broken) {
      throw Refusal.internal(
          "the recorded configuration of container " + e.getContainer().getId() + " cannot be read",
          broken);
    }
  }
}
