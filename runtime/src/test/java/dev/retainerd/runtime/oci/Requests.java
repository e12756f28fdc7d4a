package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.linux.KernelCapabilities;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxMetadata;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Requests and nodes as tests need them: all namespaces the node's but the pid, unless changed. */
final class Requests {
  static final HostTraits HOST =
      new HostTraits(
          0,
          KernelCapabilities.ofMask(0x1ffffffffffL & ~(1L << 24)),
          true,
          false,
          Optional.empty(),
          false,
          false,
          false,
          "amd64");

  private Requests() {}

  static HostTraits hostWithAppArmor(Set<String> profiles) {
    return new HostTraits(
        0, HOST.capabilities(), true, false, Optional.of(profiles), false, true, true, "amd64");
  }

  static PodSandboxConfig.Builder pod() {
    PodSandboxConfig.Builder pod = PodSandboxConfig.newBuilder();
    pod.setMetadata(
        PodSandboxMetadata.newBuilder().setName("web").setNamespace("shop").setUid("u1"));
    pod.getLinuxBuilder()
        .getSecurityContextBuilder()
        .setNamespaceOptions(
            NamespaceOption.newBuilder()
                .setNetwork(NamespaceMode.NODE)
                .setIpc(NamespaceMode.NODE)
                .setPid(NamespaceMode.CONTAINER));
    return pod;
  }

  static ContainerConfig.Builder container(String... command) {
    return ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName("main"))
        .setImage(ImageSpec.newBuilder().setImage("busybox"))
        .addAllCommand(java.util.List.of(command))
        .setLinux(
            LinuxContainerConfig.newBuilder()
                .setSecurityContext(
                    LinuxContainerSecurityContext.newBuilder()
                        .setNamespaceOptions(
                            NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))));
  }

  static LinuxContainerSecurityContext.Builder security(ContainerConfig.Builder config) {
    return config.getLinuxBuilder().getSecurityContextBuilder();
  }

  static ContainerInput input(
      ContainerConfig config, PodSandboxConfig pod, ImageDefaults image, Path rootfs) {
    return new ContainerInput(
        "c1",
        "s1",
        "docker.io/library/busybox:latest",
        config,
        pod,
        image,
        AccountFiles.in(rootfs),
        "rootfs",
        "webhost",
        PodNamespaces.ofNode(),
        Optional.empty(),
        PodFiles.none(),
        Map.of(),
        HandlerTraits.defaults());
  }

  static ContainerInput with(ContainerInput input, HandlerTraits handler) {
    return with(input, input.namespaces(), input.files(), handler);
  }

  static ContainerInput with(
      ContainerInput input, PodNamespaces namespaces, PodFiles files, HandlerTraits handler) {
    return new ContainerInput(
        input.id(),
        input.sandboxId(),
        input.imageName(),
        input.config(),
        input.pod(),
        input.image(),
        input.accounts(),
        input.rootPath(),
        input.hostname(),
        namespaces,
        input.targetPid(),
        files,
        input.imageMounts(),
        handler);
  }
}
