package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.container.ImageVolumes;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.image.Snapshotters;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.linux.SystemCallException;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.wire.cri.v1.Mount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Images as views of snapshots, mounted below the state folder: one folder a container, in it one a
 * mount, by its number. In a pod with users of its own they show the owners that the image says, as
 * its root file system does.
 */
record MountedImages(
    ContainerImages images, Snapshotters snapshotters, MappedTrees trees, Path folder)
    implements ImageVolumes {
  private static final String NAMESPACE = SandboxService.NAMESPACE;

  /** Nobody but us refers to the snapshot, so it says itself that it is wanted. */
  private static final Map<String, String> ROOT = Map.of("containerd.io/gc.root", "image volume");

  private static boolean isImage(Mount mount) {
    return mount.hasImage() && !mount.getImage().getImage().isEmpty();
  }

  private static String key(String containerId, int number) {
    return containerId + "-image-" + number;
  }

  @Override
  public Map<String, Volume> mount(
      Origin origin, String containerId, SandboxRecord sandbox, List<Mount> mounts) {
    Map<String, Volume> volumes = new HashMap<>();
    for (int i = 0; i < mounts.size(); i++) {
      Mount mount = mounts.get(i);
      if (isImage(mount)) {
        IdMappings own = PodUsers.of(mount);
        IdMappings users = own.equals(IdMappings.NONE) ? PodUsers.of(sandbox) : own;
        volumes.put(
            mount.getContainerPath(),
            volume(
                new Wanted(origin, containerId, i, mount, sandbox.getRuntimeHandler()),
                PodUsers.options(users)));
      }
    }
    return volumes;
  }

  /** One mount that names an image. */
  private record Wanted(
      Origin origin, String containerId, int number, Mount mount, String handler) {
    String key() {
      return MountedImages.key(containerId, number);
    }
  }

  private Volume volume(Wanted wanted, List<String> users) {
    Mount mount = wanted.mount();
    ContainerImages.Resolved image =
        images.resolve(wanted.origin(), mount.getImage(), wanted.handler());
    List<RootMount> layers =
        snapshotters
            .ofHandler(wanted.handler())
            .view(Scope.of(wanted.origin(), NAMESPACE), wanted.key(), image.chainId(), ROOT)
            .stream()
            .map(m -> PodUsers.shown(m, users))
            .toList();
    Path target = folder.resolve(wanted.containerId()).resolve(Integer.toString(wanted.number()));
    try {
      Files.createDirectories(target);
      // The mount keeps the mapped layers by itself, as a container's does.
      try (MappedTrees.Shown shown = trees.show(layers)) {
        for (RootMount layer : shown.mounts()) {
          TemporaryMount.mount(layer, target);
        }
      }
      return new Volume(within(target, mount), image.id());
    } catch (IOException e) {
      throw Refusal.internal(
          "image " + image.reference() + " cannot be mounted: " + e.getMessage(), e);
    }
  }

  /** A folder of the image; a link in it leads nowhere else. */
  private static Path within(Path target, Mount mount) throws IOException {
    String sub = mount.getImageSubPath();
    if (sub.isEmpty()) {
      return target;
    }
    try (NativeFile root = NativeFile.open(target, NativeFile.O_PATH | NativeFile.O_DIRECTORY, 0);
        NativeFile found =
            NativeFile.openBelow(
                root,
                sub,
                NativeFile.O_PATH | NativeFile.O_DIRECTORY,
                0,
                NativeFile.RESOLVE_BENEATH)) {
      return Files.readSymbolicLink(found.procPath());
    } catch (SystemCallException e) {
      throw Refusal.invalidArgument(
              "the image_sub_path of the mount onto "
                  + mount.getContainerPath()
                  + " is no folder in image "
                  + mount.getImage().getImage()
                  + ": "
                  + reason(e))
          .because(e);
    }
  }

  /** In words that containerd's clients look for. */
  private static String reason(SystemCallException e) {
    return switch (e.errno()) {
      case ENOENT -> "no such file or directory";
      case ENOTDIR -> "only directory subpath is supported";
      case EXDEV -> "path escapes from parent";
      default -> e.getMessage();
    };
  }

  @Override
  public void unmount(Origin origin, String containerId, List<Mount> mounts) {
    List<Integer> numbers =
        IntStream.range(0, mounts.size()).filter(i -> isImage(mounts.get(i))).boxed().toList();
    if (numbers.isEmpty()) {
      return;
    }
    Path own = folder.resolve(containerId);
    try {
      for (int number : numbers) {
        Path target = own.resolve(Integer.toString(number));
        if (Files.exists(target)) {
          Mounts.unmountAll(target);
        }
        // The handler of its pod may be another snapshotter's by now.
        for (SnapshotService snapshots : snapshotters.all()) {
          snapshots.removeIfThere(Scope.of(origin, NAMESPACE), key(containerId, number));
        }
      }
      Folders.remove(own);
    } catch (IOException e) {
      throw Refusal.internal(
          "the images of container " + containerId + " cannot be unmounted: " + e.getMessage(), e);
    }
  }
}
