package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.shims.RootMount;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Makes writable root file systems on images. Thread-safe. */
public interface RootFilesystems {
  /** The name of the snapshotter that a pod's containers stand in, for their records. */
  String snapshotter(SandboxRecord sandbox);

  /**
   * One that was made.
   *
   * @param mounts how it is mounted
   * @param outcome to be recorded together with that of the container
   */
  record Prepared(List<RootMount> mounts, Event outcome) {
    public Prepared {
      mounts = List.copyOf(mounts);
    }
  }

  /**
   * Makes one for the container on the image of {@code chainId}.
   *
   * @param sandbox the container's pod, whose root owns it
   * @param intents records these events together with the container's own, before anything is made
   */
  Prepared prepare(
      Origin origin,
      String containerId,
      String chainId,
      SandboxRecord sandbox,
      Consumer<List<Event>> intents);

  /** How that of a recorded container is mounted. */
  List<RootMount> mounts(String containerId);

  /**
   * Writes what the container has changed in it into a file that is not there yet: a layer, as a
   * tar archive.
   */
  void save(String containerId, Path layer);

  /** Unpacks such a file onto it, before its container runs. */
  void apply(String containerId, List<RootMount> mounts, Path layer);

  /**
   * Removes it, while its container is recorded; harmless where it is gone.
   *
   * @param intents records these events, if any, together with the container's own
   * @param outcomes likewise, when the files are gone
   */
  void remove(
      Origin origin,
      String containerId,
      Consumer<List<Event>> intents,
      Consumer<List<Event>> outcomes);

  /** The same by itself. */
  void remove(Origin origin, String containerId);
}
