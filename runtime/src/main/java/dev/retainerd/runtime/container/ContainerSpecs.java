package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.RunsAs;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes OCI specs. */
public interface ContainerSpecs {

  /**
   * What a spec is made from.
   *
   * @param imageMounts where the images stand that are mounted, by container path
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
      Map<String, Path> imageMounts,
      int pausePid,
      int targetPid) {}

  /**
   * A spec.
   *
   * @param spec JSON, UTF-8
   * @param runsAs its user, so that nobody need look for it in there
   */
  record Made(byte[] spec, RunsAs runsAs) {}

  /** The spec of a new container. */
  Made of(Input input);

  /**
   * A spec with other limits.
   *
   * @param spec the spec, JSON
   * @param limits the part that a running container is to be given, JSON of OCI's resources
   */
  record Updated(byte[] spec, byte[] limits) {}

  /** The same spec with other limits; what they do not name stays as it is. */
  Updated updated(byte[] spec, LinuxContainerResources resources);
}
