package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.checkpoint.SavedArchives;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.container.SavedContainers;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Checkpoints that stand where an image is named: the absolute path of an archive. No image's name
 * begins with a slash.
 */
record NamedCheckpoints(SavedArchives archives) implements SavedContainers {

  @Override
  public Optional<SavedContainer> find(Origin origin, String image) {
    if (!image.startsWith("/")) {
      return Optional.empty();
    }
    try {
      return Optional.of(archives.open(Path.of(image)));
    } catch (InvalidPathException e) {
      throw Refusal.invalidArgument("the image is neither a name nor a path").because(e);
    }
  }
}
