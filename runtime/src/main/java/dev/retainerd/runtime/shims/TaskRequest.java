package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a shim needs to create a container's init.
 *
 * @param options the runtime's options ({@code containerd.runc.v1.Options}), as the shim decodes
 *     them
 * @param checkpoint a folder of an earlier checkpoint to restore; "" for none
 */
public record TaskRequest(
    String namespace,
    String containerId,
    Path bundle,
    List<RootMount> rootfs,
    StdioPaths stdio,
    Optional<Opaque> options,
    String checkpoint) {}
