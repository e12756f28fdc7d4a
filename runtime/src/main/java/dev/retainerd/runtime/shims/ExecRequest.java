package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;

/**
 * What a shim needs to add a process to a container.
 *
 * @param process the OCI process, as JSON in its typed value
 */
public record ExecRequest(
    String namespace, String containerId, String execId, StdioPaths stdio, Opaque process) {}
