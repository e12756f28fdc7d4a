package dev.retainerd.shim.container;

import dev.retainerd.shim.process.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which sandbox a container belongs to, as the annotations of its bundle say. */
public final class SandboxGroup {
  private static final String[] ANNOTATIONS = {
    "io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"
  };

  private SandboxGroup() {}

  /**
   * The sandbox's id; {@code alone} where the container belongs to none.
   *
   * @throws IOException when the bundle's config.json cannot be read or is no JSON
   */
  public static String of(Path bundle, String alone) throws IOException {
    Path config = bundle.resolve("config.json");
    try {
      Object spec = Json.parse(Files.readString(config));
      for (String annotation : ANNOTATIONS) {
        if (Json.get(spec, "annotations", annotation) instanceof String group) {
          return group;
        }
      }
      return alone;
    } catch (IllegalArgumentException e) {
      throw new IOException(config + " is no JSON", e);
    }
  }
}
