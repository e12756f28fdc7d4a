package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.linux.MountOptions;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.shims.RootMount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A root file system that is mounted read-only for a moment, to look into it. For one thread. */
final class TemporaryMount implements AutoCloseable {
  private final Path target;

  private TemporaryMount(Path target) {
    this.target = target;
  }

  /** Mounts it on a new folder below {@code folder}. */
  static TemporaryMount of(List<RootMount> mounts, Path folder, String name) {
    Path target = folder.resolve(name);
    try {
      Files.createDirectories(target);
      TemporaryMount made = new TemporaryMount(target);
      try {
        for (RootMount mount : mounts) {
          mount(mount, target);
        }
        return made;
      } catch (IOException e) {
        made.close();
        throw e;
      }
    } catch (IOException e) {
      throw Refusal.internal("the root file system cannot be looked into: " + e.getMessage(), e);
    }
  }

  /** Mounts it read-only on a folder. */
  static void mount(RootMount mount, Path target) throws IOException {
    // Whose files they are does not matter to who only looks.
    MountOptions options =
        MountOptions.of(
            mount.options().stream().filter(option -> !MappedTrees.isOption(option)).toList());
    Mounts.mount(
        mount.source(), target, mount.type(), options.flags() | Mounts.MS_RDONLY, options.data());
  }

  Path path() {
    return target;
  }

  @Override
  public void close() {
    try {
      Mounts.unmountAll(target);
      Files.deleteIfExists(target);
    } catch (IOException e) {
      throw Refusal.internal(
          "a temporary mount at " + target + " cannot be ended: " + e.getMessage(), e);
    }
  }
}
