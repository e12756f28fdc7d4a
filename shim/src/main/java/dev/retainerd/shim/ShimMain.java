package dev.retainerd.shim;

import java.io.IOException;

/**
 * The shim's program.
 *
 * <p>{@code serve} runs a shim in the foreground for our daemon; {@code start}, {@code delete} and
 * {@code -info} are what a stock containerd calls (its docs/runtime-v2). Exit status 0, or 1 with
 * one sentence on stderr.
 */
public final class ShimMain {
  static final String NAME = "containerd-shim-retain-v1";

  /** With the build's digest behind it, so that two builds of one release can be told apart. */
  static final String VERSION = version("0.1.0", System.getProperty("retain.shim.build", ""));

  private static final String HELP =
      """
      containerd-shim-retain-v1: the parent of containers, for retainerd and for containerd

        serve --id ID --dir DIR --socket PATH [--runtime-root DIR] [--namespace NS]
              [--ttrpc-address PATH] [--holder PATH] [--runtime-timeout MILLIS]
              [--undelivered DIR]
                                          serves in the foreground
        -namespace NS -id ID -address PATH [-publish-binary FILE] [-bundle DIR] start
                                          starts a server for containerd, prints its address
        -namespace NS -id ID [-bundle DIR] delete
                                          cleans up after a server that is gone
        -info                             says what this is, as containerd asks it
        --version, --help
      """;

  private ShimMain() {}

  private static String version(String release, String build) {
    return build.isEmpty() ? release : release + "+" + build;
  }

  public static void main(String[] arguments) {
    try {
      run(ShimArguments.parse(arguments));
    } catch (IllegalArgumentException | IOException | IllegalStateException e) {
      System.err.println(NAME + ": " + e.getMessage());
      System.exit(1);
    }
  }

  private static void run(ShimArguments arguments) throws IOException {
    if (arguments.has("help") || arguments.has("h")) {
      System.out.print(HELP);
      return;
    }
    if (arguments.has("version") || arguments.has("v")) {
      System.out.println(NAME + " " + VERSION);
      return;
    }
    if (arguments.has("info")) {
      ContainerdActions.info();
      return;
    }
    switch (arguments.action()) {
      case "serve" -> ShimServer.serve(arguments);
      case "start" -> ContainerdActions.start(arguments);
      case "delete" -> ContainerdActions.delete(arguments);
      case "train" -> Training.run();
      default ->
          throw new IllegalArgumentException(
              "no action " + arguments.action() + "; use serve, start or delete, or --help");
    }
  }
}
