package dev.retainerd.runtime.container;

import java.util.Optional;

/** Finds checkpoints of containers. */
public interface SavedContainers {

  /**
   * The checkpoint whose archive a client names where it would name an image.
   *
   * @return empty where that is the name of an image
   * @throws dev.retainerd.runtime.error.Refusal NOT_FOUND where there is no such archive,
   *     INVALID_ARGUMENT where it is none of a checkpoint
   */
  Optional<SavedContainer> archive(String image);

  /**
   * The checkpoint that an image holds.
   *
   * @throws dev.retainerd.runtime.error.Refusal INVALID_ARGUMENT where it holds none
   */
  SavedContainer image(ContainerImages.Resolved image);
}
