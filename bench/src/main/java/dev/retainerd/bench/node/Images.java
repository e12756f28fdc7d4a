package dev.retainerd.bench.node;

import dev.retainerd.bench.image.OciArchive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Brings images to a target by means of the host's ctr. */
public final class Images {
  private static final int SECONDS_MAX = 120;

  private Images() {}

  /** Imports busybox under {@link Target#IMAGE}. */
  static void importBusybox(Target target, Path busybox, String namespace) throws NodeException {
    Path archive = target.folder().resolve("busybox.tar");
    try {
      if (!Files.exists(archive)) {
        OciArchive.write(busybox, Target.IMAGE, archive);
      }
    } catch (IOException e) {
      throw new NodeException("the image can't be made from " + busybox + ": " + e.getMessage(), e);
    }
    importArchive(target, archive, namespace);
  }

  /** {@code ctr images import}. */
  public static void importArchive(Target target, Path archive, String namespace)
      throws NodeException {
    ctr(target, namespace, "images", "import", archive.toString());
  }

  /** {@code ctr images rm --sync}: gone, contents and all, when this returns. */
  public static void remove(Target target, String image, String namespace) throws NodeException {
    ctr(target, namespace, "images", "rm", "--sync", image);
  }

  private static void ctr(Target target, String namespace, String... arguments)
      throws NodeException {
    String[] command = new String[arguments.length + 5];
    command[0] = "ctr";
    command[1] = "--address";
    command[2] = target.socket().toString();
    command[3] = "--namespace";
    command[4] = namespace;
    System.arraycopy(arguments, 0, command, 5, arguments.length);
    Commands.run(SECONDS_MAX, command);
  }
}
