package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.shims.RootMount;
import java.util.List;

/** Makes writable root file systems on images. Thread-safe. */
public interface RootFilesystems {
  /** The snapshotter's name, for the container's record. */
  String snapshotter();

  /**
   * Makes one for the container on the image of {@code chainId}.
   *
   * @param sandbox the container's pod, whose root owns it
   */
  void prepare(Origin origin, String containerId, String chainId, SandboxRecord sandbox);

  /** How it is mounted. */
  List<RootMount> mounts(String containerId);

  /** Removes it; harmless where it is gone. */
  void remove(Origin origin, String containerId);
}
