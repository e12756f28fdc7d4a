package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.shims.Folders;
import java.nio.file.Path;
import java.util.List;

/**
 * How a checkpoint lies on disk. Of a pod: {@code pod.json}, which is written last and without
 * which it is none, and for each container a folder of its id.
 */
final class PodFiles {
  /** What the pod and its containers were; see {@link PodManifest}. */
  static final String MANIFEST = "pod.json";

  private static final String PARTIAL = ".partial";

  private PodFiles() {}

  static Path manifest(Path checkpoint) {
    return checkpoint.resolve(MANIFEST);
  }

  static Path container(Path checkpoint, String id) {
    return checkpoint.resolve(id);
  }

  /** What a file is called until it is whole. */
  static Path partial(Path file) {
    return file.resolveSibling(file.getFileName() + PARTIAL);
  }

  /** Takes away what a checkpoint of these containers has written; failures are logged. */
  static void remove(Path checkpoint, List<String> containerIds) {
    Folders.removeQuietly(manifest(checkpoint));
    Folders.removeQuietly(partial(manifest(checkpoint)));
    containerIds.forEach(id -> Folders.removeQuietly(container(checkpoint, id)));
  }
}
