package dev.retainerd.runtime.container;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A container that was checkpointed, for another to go on from. Closing it lets go of what was
 * unpacked to look into it. For one thread.
 */
public interface SavedContainer extends AutoCloseable {
  /** CRIU's images, in the folder that {@link #into} makes. */
  String IMAGES = "checkpoint";

  /** What it had written into its root, as a layer; absent where that is nothing. */
  String ROOT_LAYER = "rootfs-diff.tar";

  /** By what the image may be found that it was made on, the best first. */
  List<String> images();

  /**
   * Makes the folder, for root alone, with {@link #IMAGES} and {@link #ROOT_LAYER} in it; regular
   * files only. Once.
   */
  void into(Path folder) throws IOException;

  @Override
  void close();
}
