package dev.retainerd.bench;

import dev.retainerd.bench.image.OciArchive;
import dev.retainerd.bench.node.Target;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the busybox image as an OCI archive. */
@Command(
    name = "image",
    description = "Makes an OCI archive from a static busybox.",
    mixinStandardHelpOptions = true)
final class ImageCommand implements Callable<Integer> {
  @Option(
      names = "--busybox",
      defaultValue = "/bin/busybox",
      description = "default: ${DEFAULT-VALUE}")
  private Path busybox;

  @Option(
      names = "--name",
      description = "the image's full name; default: docker.io/retain/busybox:1")
  private String name = Target.IMAGE;

  @Parameters(paramLabel = "FILE", description = "the archive to write")
  private Path file;

  @Override
  public Integer call() throws Exception {
    System.out.println(OciArchive.write(busybox, name, file));
    return 0;
  }
}
