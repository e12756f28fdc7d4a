package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.wire.cri.v1.Mount;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Mounts images on the node, for containers that want to read them. Thread-safe. */
public interface ImageVolumes {

  /**
   * Where an image, or a folder of it, stands.
   *
   * @param path on the node, read-only
   * @param imageId digest of its config
   */
  record Volume(Path path, String imageId) {}

  /**
   * Mounts the images that these mounts name; each until {@link #unmount}.
   *
   * @param sandbox whose users they show, unless a mount says whom it shows
   * @param mounts those of a container; such as name no image are passed over
   * @return by container path
   * @throws dev.retainerd.runtime.error.Refusal NOT_FOUND where an image was not pulled,
   *     INVALID_ARGUMENT where a sub path is no folder in it
   */
  Map<String, Volume> mount(
      Origin origin, String containerId, SandboxRecord sandbox, List<Mount> mounts);

  /** Unmounts them all; harmless where nothing is mounted. */
  void unmount(Origin origin, String containerId, List<Mount> mounts);
}
