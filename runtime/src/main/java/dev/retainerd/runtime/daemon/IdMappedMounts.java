package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.idmap.MappedTrees;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether this node can show files to pods as their user namespaces map them. It is tried out once,
 * when it is first asked for. Thread-safe.
 */
final class IdMappedMounts {
  private final Path root;
  private Optional<String> missing = Optional.empty();
  private boolean known;

  /** On the file system that layers are on. */
  IdMappedMounts(Path root) {
    this.root = root;
  }

  /** Why not; empty: it can. */
  synchronized Optional<String> missing() {
    if (!known) {
      try {
        MappedTrees.tryOn(root);
        missing = Optional.empty();
      } catch (IOException e) {
        missing = Optional.of(String.valueOf(e.getMessage()));
      }
      known = true;
    }
    return missing;
  }

  /** Refuses pods with user namespaces where it cannot. */
  void require() {
    missing()
        .ifPresent(
            why -> {
              throw Refusal.failedPrecondition(
                  "pods with user namespaces need id-mapped mounts on "
                      + root
                      + ", and there are none: "
                      + why
                      + "; run the pod with the node's users, or give the node a kernel of 5.19 or"
                      + " later and a root folder on ext4, xfs or btrfs");
            });
  }
}
