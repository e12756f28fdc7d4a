package dev.retainerd.bench.node;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A runtime that can be started beside others from one config.toml.
 *
 * @param name as the report shows it
 * @param binary the daemon; it takes {@code --config FILE}
 */
public record NodeProgram(String name, Path binary) {
  /** Where distributions put containerd. */
  private static final List<Path> CONTAINERD =
      List.of(
          Path.of("/usr/bin/containerd"),
          Path.of("/usr/local/bin/containerd"),
          Path.of("/usr/sbin/containerd"));

  /** The retainerd that this retain-bench came with. */
  public static NodeProgram retainerd() throws NodeException {
    String home = System.getProperty("retainerd.home");
    if (home == null) {
      throw new NodeException(
          "retain-bench doesn't know its own folder; start it as dist/bin/retain-bench, or give"
              + " --target NAME=SOCKET");
    }
    return new NodeProgram("retainerd", Path.of(home, "bin", "retainerd"));
  }

  /** The containerd of this host. */
  public static NodeProgram containerd() throws NodeException {
    return CONTAINERD.stream()
        .filter(Files::isExecutable)
        .findFirst()
        .map(path -> new NodeProgram("containerd", path))
        .orElseThrow(
            () ->
                new NodeException(
                    "containerd is not installed on this host; install it (apt-get install"
                        + " containerd) or leave it out with --only retainerd"));
  }
}
