package dev.retainerd.runtime.oci;

import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;

/**
 * Everything the spec of a pod's pause process depends on.
 *
 * @param imageName for the annotation; "" where the pause process comes from no image
 * @param image entrypoint and cmd are the pause process
 * @param rootfs its root file system, in which users are looked up
 * @param rootPath what the spec calls it
 * @param hostname of the pod, set only where the pod has an UTS namespace of its own
 */
public record SandboxInput(
    String id,
    PodSandboxConfig pod,
    String imageName,
    ImageDefaults image,
    Path rootfs,
    String rootPath,
    String hostname,
    PodNamespaces namespaces,
    PodFiles files,
    HandlerTraits handler) {}
