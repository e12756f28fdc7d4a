package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.task.RestoreFrom;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;

/**
 * Checkpoints that containers go on from: kept in a container's folder from its making until it
 * runs, so that nobody can take them away in between. Thread-safe.
 */
record KeptCheckpoints(ContainerService.Effects effects) {

  /**
   * The image that a checkpointed container was made on, by the first of its names that is here.
   *
   * @throws Refusal FAILED_PRECONDITION where the pod is none for it, NOT_FOUND where the image is
   *     not on this node
   */
  ContainerImages.Resolved image(Origin origin, SandboxRecord sandbox, SavedContainer saved) {
    UserNamespace users =
        SandboxService.config(sandbox)
            .getLinux()
            .getSecurityContext()
            .getNamespaceOptions()
            .getUsernsOptions();
    boolean mapped = users.getMode() == NamespaceMode.POD && users.getUidsCount() > 0;
    if (mapped) {
      throw Refusal.failedPrecondition(
          "a checkpoint is not restored into a pod with a user namespace of its own, whose owners"
              + " are others than those of its files; use RestorePod");
    }
    List<String> names = saved.images();
    for (String name : names) {
      try {
        return effects
            .images()
            .resolve(
                origin, ImageSpec.newBuilder().setImage(name).build(), sandbox.getRuntimeHandler());
      } catch (Refusal e) {
        if (!e.is(Refusal.Code.NOT_FOUND) && !e.is(Refusal.Code.INVALID_ARGUMENT)) {
          throw e;
        }
      }
    }
    throw names.isEmpty()
        ? Refusal.invalidArgument(
            "the checkpoint does not say on which image its container was made")
        : Refusal.notFound(
            "the image "
                + names.getLast()
                + " of the checkpointed container is not on this node; pull it first");
  }

  /** Takes a checkpoint over: the process, for the start, and the files at once. */
  void keep(String id, SavedContainer saved, List<RootMount> root) {
    Path folder = effects.folders().restore(id);
    try {
      saved.into(folder);
      Path layer = folder.resolve(SavedContainer.ROOT_LAYER);
      if (Files.exists(layer, LinkOption.NOFOLLOW_LINKS)) {
        effects.rootfs().apply(id, root, layer);
        Files.delete(layer);
      }
    } catch (IOException e) {
      throw Refusal.internal(
          "the checkpoint for container " + id + " cannot be taken over: " + e.getMessage(), e);
    }
  }

  /** What the container's task is restored from. */
  RestoreFrom of(String id) {
    return new RestoreFrom.Folder(effects.folders().restore(id).resolve(SavedContainer.IMAGES));
  }

  /** It runs: what it came from is of no more use. */
  void release(String id) {
    Folders.removeQuietly(effects.folders().restore(id));
  }
}
