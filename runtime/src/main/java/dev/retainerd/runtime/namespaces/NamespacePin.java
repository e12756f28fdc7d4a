package dev.retainerd.runtime.namespaces;

import java.nio.file.Path;

/**
 * A pin found below the state folder, for comparison with what should be there.
 *
 * @param alive false for a file whose namespace is gone, as after a reboot or a kill half-way
 */
public record NamespacePin(String id, NamespaceKind kind, Path path, boolean alive) {}
