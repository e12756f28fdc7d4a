package dev.retainerd.runtime.oci;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The namespaces that the containers of a pod join, as paths that can be opened until the container
 * runs: pins, or /proc/PID/ns of a process that lives on. None means the node's own.
 *
 * @param pid of the pause process; none where the pod has none or uses the node's
 * @param user the pod's user namespace; none for the node's
 */
public record PodNamespaces(
    Optional<Path> network,
    Optional<Path> ipc,
    Optional<Path> uts,
    Optional<Path> pid,
    Optional<Path> user) {

  /** Everything the node's own. */
  public static PodNamespaces ofNode() {
    return new PodNamespaces(
        Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }
}
