package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where images come from and which are kept.
 *
 * @param registryConfigDirs folders with a folder per registry that holds its hosts.toml
 * @param snapshotter where images are unpacked for pods whose runtime handler says nothing else:
 *     overlayfs or native
 * @param pinned images that are never removed, by what they are for ("sandbox")
 * @param maxConcurrentDownloads layers of one image at once
 * @param pullProgressTimeout a pull that gets no byte for so long is given up; zero for never
 */
public record ImageSettings(
    List<Path> registryConfigDirs,
    String snapshotter,
    Map<String, String> pinned,
    int maxConcurrentDownloads,
    Duration pullProgressTimeout) {

  public ImageSettings {
    registryConfigDirs = List.copyOf(registryConfigDirs);
    pinned = Map.copyOf(pinned);
  }

  /** The image whose entry point is a pod's pause process; none where the file names none. */
  public Optional<String> sandboxImage() {
    return Optional.ofNullable(pinned.get("sandbox"));
  }
}
