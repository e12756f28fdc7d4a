package dev.retainerd.runtime.oci;

import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Everything the spec of a CRI container depends on.
 *
 * @param imageName as it was asked for, for the annotation
 * @param accounts the files of its root file system in which users are looked up
 * @param rootPath what the spec calls it: relative to the bundle, or absolute
 * @param hostname of the pod; what HOSTNAME is set to
 * @param targetPid the pid namespace of another container, for the mode TARGET
 * @param imageMounts for each mount of an image, by its path in the container, where it stands
 */
public record ContainerInput(
    String id,
    String sandboxId,
    String imageName,
    ContainerConfig config,
    PodSandboxConfig pod,
    ImageDefaults image,
    AccountFiles accounts,
    String rootPath,
    String hostname,
    PodNamespaces namespaces,
    Optional<Path> targetPid,
    PodFiles files,
    Map<String, Path> imageMounts,
    HandlerTraits handler) {

  public ContainerInput {
    imageMounts = Map.copyOf(imageMounts);
  }
}
