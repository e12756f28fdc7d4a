package dev.retainerd.runtime.checkpoint;

import dev.retainerd.eventlog.proto.RestoredMember;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Pods from checkpoints: a new pod, and in it a container for each that was checkpointed, which
 * goes on when it is started. All of it is there, or nothing. Thread-safe. Semantics: CRI's
 * RestorePod (KEP-5823).
 */
public final class PodRestores {
  private final SandboxService sandboxes;
  private final ContainerService containers;

  public PodRestores(SandboxService sandboxes, ContainerService containers) {
    this.sandboxes = sandboxes;
    this.containers = containers;
  }

  /**
   * What is asked for.
   *
   * @param path the checkpoint's folder, which is left as it is
   * @param configs one for each container of the checkpoint, by its name
   */
  public record Wish(
      String path, PodSandboxConfig config, String runtimeHandler, List<ContainerConfig> configs) {
    public Wish {
      configs = List.copyOf(configs);
    }
  }

  /** A pod that was restored. */
  public record Restored(String podId, List<RestoredMember> members) {
    public Restored {
      members = List.copyOf(members);
    }
  }

  /**
   * Restores one.
   *
   * @throws Refusal INVALID_ARGUMENT where the request or the checkpoint is wrong, or the two do
   *     not fit; NOT_FOUND where an image is not on this node; ALREADY_EXISTS where there is a pod
   *     of that name
   */
  public Restored restore(Origin origin, Wish wish, Patience patience) {
    Path folder = PodCheckpoints.folder("checkpoint_path", wish.path());
    Map<String, ContainerConfig> byName = byName(wish);
    PodManifest manifest = PodManifest.read(folder);
    SameContainers.check(manifest, wish, byName);
    for (PodManifest.Member member : manifest.members()) {
      saved(folder, member).close();
    }
    patience.left("the restore of a pod");
    String id = sandboxes.restore(origin, wish.config(), wish.runtimeHandler(), folder.toString());
    Failpoint.POD_RESTORE_POD_MADE.hit();
    try {
      List<RestoredMember> members = new ArrayList<>();
      for (PodManifest.Member member : manifest.members()) {
        patience.left("the restore of pod sandbox " + id);
        members.add(member(origin, id, wish.config(), byName.get(member.name()), folder, member));
        Failpoint.POD_RESTORE_CONTAINER_MADE.hit();
      }
      patience.left("the restore of pod sandbox " + id);
      sandboxes.restored(origin, id, members);
      return new Restored(id, members);
    } catch (RuntimeException e) {
      throw undone(origin, id, e);
    }
  }

  private RestoredMember member(
      Origin origin,
      String podId,
      PodSandboxConfig podConfig,
      ContainerConfig config,
      Path folder,
      PodManifest.Member member) {
    try (SavedContainer saved = saved(folder, member)) {
      String id = containers.restore(origin, podId, config, podConfig, saved);
      String imageId = containers.get(id).getContainer().getCri().getImageId();
      if (!imageId.equals(member.imageId())) {
        throw Refusal.invalidArgument(
            "container "
                + member.name()
                + " was checkpointed on image "
                + member.imageId()
                + ", and "
                + config.getImage().getImage()
                + " is "
                + imageId);
      }
      return RestoredMember.newBuilder().setName(member.name()).setContainerId(id).build();
    }
  }

  private static SavedContainer saved(Path folder, PodManifest.Member member) {
    Path files = PodFiles.container(folder, member.id());
    try {
      if (!Files.isDirectory(files, LinkOption.NOFOLLOW_LINKS)) {
        throw PodManifest.broken(folder, "it has no folder for container " + member.name());
      }
      return new SavedFolder(files, "the folder " + files, Optional.empty()).checked();
    } catch (IOException e) {
      throw Unwritable.unreadable("the checkpoint", files, e);
    }
  }

  /** Nobody got the answer: the caller's deadline has passed. */
  public void takeBack(Origin origin, Restored restored) {
    sandboxes.unrestore(origin, restored.podId(), "its caller has hung up");
  }

  private RuntimeException undone(Origin origin, String id, RuntimeException why) {
    String reason = why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
    try {
      sandboxes.unrestore(origin, id, reason);
    } catch (RuntimeException e) {
      return Refusal.internal(
          reason
              + "; and pod sandbox "
              + id
              + " could not be taken back, remove it: "
              + e.getMessage(),
          why);
    }
    return why;
  }

  private static Map<String, ContainerConfig> byName(Wish wish) {
    if (!wish.config().hasMetadata()) {
      throw Refusal.invalidArgument("the request has no config; give the pod's");
    }
    if (wish.configs().isEmpty()) {
      throw Refusal.invalidArgument(
          "the request has no container_configs; give one for each container of the checkpoint");
    }
    Map<String, ContainerConfig> byName = new HashMap<>();
    for (ContainerConfig config : wish.configs()) {
      String name = config.getMetadata().getName();
      if (name.isEmpty()) {
        throw Refusal.invalidArgument("a container config names none; set metadata.name");
      }
      if (byName.put(name, config) != null) {
        throw Refusal.invalidArgument(
            "two container configs have the name " + SameContainers.shown(name));
      }
    }
    return byName;
  }
}
