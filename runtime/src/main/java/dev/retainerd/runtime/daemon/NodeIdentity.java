package dev.retainerd.runtime.daemon;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** The node's own id, made at the first start and kept in the root folder. */
record NodeIdentity(String id) {
  private static final String FILE = "node-id";

  static NodeIdentity of(Path root) throws IOException {
    Path file = root.resolve(FILE);
    if (!Files.exists(file)) {
      Path partial = root.resolve(FILE + ".partial");
      Files.writeString(partial, UUID.randomUUID() + "\n");
      Files.move(partial, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    }
    return new NodeIdentity(Files.readString(file).strip());
  }
}
