package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.snapshot.Mount;
import java.util.List;

/** Mounts between the wire's form and ours. */
final class MountTranslation {
  private MountTranslation() {}

  static List<dev.retainerd.wire.containerd.types.Mount> wire(List<Mount> mounts) {
    return mounts.stream()
        .map(
            mount ->
                dev.retainerd.wire.containerd.types.Mount.newBuilder()
                    .setType(mount.type())
                    .setSource(mount.source())
                    .addAllOptions(mount.options())
                    .build())
        .toList();
  }

  static List<Mount> mounts(List<dev.retainerd.wire.containerd.types.Mount> mounts) {
    return mounts.stream()
        .map(mount -> new Mount(mount.getType(), mount.getSource(), mount.getOptionsList()))
        .toList();
  }
}
