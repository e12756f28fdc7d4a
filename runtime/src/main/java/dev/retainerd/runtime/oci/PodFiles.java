package dev.retainerd.runtime.oci;

import java.nio.file.Path;
import java.util.Optional;

/** Files of a pod on the host that its containers see; one that is absent is not mounted. */
public record PodFiles(
    Optional<Path> hostname, Optional<Path> hosts, Optional<Path> resolvConf, Optional<Path> shm) {

  /** No files: the image's own are seen. */
  public static PodFiles none() {
    return new PodFiles(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }
}
