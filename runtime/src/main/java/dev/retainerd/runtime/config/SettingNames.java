package dev.retainerd.runtime.config;

import dev.retainerd.runtime.snapshot.NativeFolders;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import java.util.Set;

/** The settings that are read by name, as they are called in a file of version 3. */
final class SettingNames {
  static final Key RUNTIME = Key.of("plugins", "io.containerd.cri.v1.runtime");
  static final Key IMAGES = Key.of("plugins", "io.containerd.cri.v1.images");
  static final Key PLATFORMS = IMAGES.child("runtime_platforms");
  static final Key CRI = Key.of("plugins", "io.containerd.grpc.v1.cri");
  static final Key RUNTIMES = RUNTIME.child("containerd").child("runtimes");
  static final Key DEFAULT_RUNTIME = RUNTIME.child("containerd").child("default_runtime_name");
  static final Key GRPC = Key.of("grpc");
  static final Key RETAIN = Key.of("retain");
  static final Key COMPAT = Key.of("compat");

  /** What a snapshotter may be called. */
  static final Set<String> SNAPSHOTTERS = Set.of(OverlayFolders.NAME, NativeFolders.NAME);

  private SettingNames() {}
}
