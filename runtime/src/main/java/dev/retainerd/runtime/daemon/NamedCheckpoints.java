package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.checkpoint.SavedArchives;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.container.SavedContainers;
import dev.retainerd.runtime.error.Refusal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Checkpoints that stand where an image is named: the absolute path of an archive, since no image's
 * name begins with a slash, or an image whose layers are such an archive.
 *
 * @param unpacking puts the layers of an image of that id into an empty folder
 */
record NamedCheckpoints(SavedArchives archives, BiConsumer<String, Path> unpacking)
    implements SavedContainers {

  @Override
  public Optional<SavedContainer> archive(String image) {
    if (!image.startsWith("/")) {
      return Optional.empty();
    }
    try {
      return Optional.of(archives.open(Path.of(image)));
    } catch (InvalidPathException e) {
      throw Refusal.invalidArgument("the image is neither a name nor a path").because(e);
    }
  }

  @Override
  public SavedContainer image(ContainerImages.Resolved image) {
    return archives.unpack(
        "image " + image.reference(), folder -> unpacking.accept(image.id(), folder));
  }
}
