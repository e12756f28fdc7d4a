package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.util.List;

/** Writes OCI specs. */
@FunctionalInterface
public interface ContainerSpecs {

  /**
   * What a spec is made from.
   *
   * @param pausePid pid of the process that holds the pod's pid namespace; 0: none
   * @param targetPid pid whose pid namespace is to be joined instead; 0: none
   * @param rootfs how the root file system is mounted, for looking up users in it
   */
  record Input(
      String containerId,
      SandboxRecord sandbox,
      PodSandboxConfig podConfig,
      ContainerConfig config,
      ContainerImages.Resolved image,
      List<RootMount> rootfs,
      int pausePid,
      int targetPid) {}

  /** The spec as JSON, UTF-8. */
  byte[] of(Input input);
}
