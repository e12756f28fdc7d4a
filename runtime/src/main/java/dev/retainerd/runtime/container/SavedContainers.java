package dev.retainerd.runtime.container;

import dev.retainerd.runtime.engine.Origin;
import java.util.Optional;

/** Finds checkpoints of containers. */
@FunctionalInterface
public interface SavedContainers {

  /**
   * The checkpoint that a client names where it would name an image.
   *
   * @return empty where that is an ordinary image
   * @throws dev.retainerd.runtime.error.Refusal NOT_FOUND, or INVALID_ARGUMENT where it names an
   *     archive and that is none of a checkpoint
   */
  Optional<SavedContainer> find(Origin origin, String image);
}
