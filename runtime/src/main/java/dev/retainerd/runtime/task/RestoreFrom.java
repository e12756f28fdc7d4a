package dev.retainerd.runtime.task;

import java.io.IOException;
import java.nio.file.Path;

/** Whether a task begins anew, or goes on from an earlier checkpoint. */
public sealed interface RestoreFrom {
  /** A new one. */
  RestoreFrom NOTHING = new Nothing();

  /** See {@link #NOTHING}. */
  record Nothing() implements RestoreFrom {}

  /**
   * A folder with CRIU's images, which stays its owner's.
   *
   * @param images absolute
   */
  record Folder(Path images) implements RestoreFrom {}

  /** An archive of such images; they are unpacked for the task, and go when it runs or is gone. */
  record Archive(Unpacking unpacking) implements RestoreFrom {}

  /** Puts the images into an empty folder. */
  @FunctionalInterface
  interface Unpacking {
    void into(Path folder) throws IOException;
  }

  /** Where the runtime will read the images, or would have; "" for none. */
  default String images(Path own) {
    return switch (this) {
      case Nothing nothing -> "";
      case Folder folder -> folder.images().toString();
      case Archive archive -> own.toString();
    };
  }
}
