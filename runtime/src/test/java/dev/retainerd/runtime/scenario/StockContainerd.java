package dev.retainerd.runtime.scenario;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Debian's containerd in a folder of its own, without CRI. */
public final class StockContainerd {
  private StockContainerd() {}

  /** Starts it; it answers a little later. The caller ends it. */
  public static Process start(Path folder) throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("config.toml"),
            """
            version = 2
            root = "%1$s/root"
            state = "%1$s/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]

            [grpc]
              address = "%2$s"

            [ttrpc]
              address = "%2$s.ttrpc"
            """
                .formatted(folder, socket(folder)));
    return new ProcessBuilder("containerd", "--config", config.toString())
        .redirectErrorStream(true)
        .redirectInput(new File("/dev/null"))
        .redirectOutput(folder.resolve("log").toFile())
        .start();
  }

  /** Where it listens. */
  public static Path socket(Path folder) {
    return folder.resolve("c.sock");
  }
}
