package dev.retainerd.bench;

import dev.retainerd.bench.image.ImageServer;
import dev.retainerd.bench.image.LayeredImage;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Serves one made-up image to pull, until it is ended. */
@Command(
    name = "serve",
    description = {
      "Serves one image of made-up layers on the loopback interface, and prints its reference.",
      "For trying pulls where no registry is installed; it ends with its standard input."
    },
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  @Option(names = "--layers", defaultValue = "4", description = "default: ${DEFAULT-VALUE}")
  private int layers;

  @Option(
      names = "--megabytes",
      defaultValue = "8",
      description = "of all layers together; default: ${DEFAULT-VALUE}")
  private long megabytes;

  @Parameters(paramLabel = "FOLDER", description = "where to write the layers")
  private Path folder;

  @Override
  public Integer call() throws Exception {
    try (ImageServer server =
        new ImageServer(LayeredImage.make(folder, layers, megabytes * 1_000_000L))) {
      System.out.println(server.reference("retain/made-up:1"));
      CountDownLatch ended = new CountDownLatch(1);
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  System.in.transferTo(java.io.OutputStream.nullOutputStream());
                } catch (java.io.IOException e) {
                  System.err.println("retain-bench: standard input: " + e.getMessage());
                } finally {
                  ended.countDown();
                }
              });
      ended.await();
      return 0;
    }
  }
}
