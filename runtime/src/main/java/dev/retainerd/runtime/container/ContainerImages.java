package dev.retainerd.runtime.container;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.wire.cri.v1.ImageSpec;

/** Finds images for containers. */
@FunctionalInterface
public interface ContainerImages {

  /**
   * An image that is there, and unpacked for the pod that it was asked for.
   *
   * @param id digest of its config, {@code sha256:...}
   * @param reference the tag it was asked for by, else another name it is known by
   * @param digest its name with a digest, of the repository it was asked from if it has one there;
   *     "" where it has none
   * @param chainId key of the committed snapshot that is its root file system
   * @param config the image's config: the {@code config} object of the OCI image configuration
   * @param checkpoint whether it holds a container's checkpoint, and no root file system
   */
  record Resolved(
      String id,
      String reference,
      String digest,
      String chainId,
      JsonObject config,
      boolean checkpoint) {}

  /**
   * Finds an image by name, digest or id.
   *
   * @param image what it is asked for by, and what the user calls it where that is known
   * @param handler the runtime handler of the pod that it is for; "" for the default one
   * @throws dev.retainerd.runtime.error.Refusal NOT_FOUND where it was not pulled
   */
  Resolved resolve(Origin origin, ImageSpec image, String handler);
}
