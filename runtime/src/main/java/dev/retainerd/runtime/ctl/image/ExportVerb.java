package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.types.transfer.ImageExportStream;
import dev.retainerd.wire.containerd.types.transfer.ImageReference;
import dev.retainerd.wire.containerd.types.transfer.ImageStore;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl images export}: an OCI archive that docker reads too. */
@Command(name = "export", description = "export images")
public final class ExportVerb extends Verb {
  private static final int BUFFER_BYTES = 128 * 1024;

  @Option(
      names = "--all-platforms",
      description = "accepted for ctr's sake: all that is here of an image is exported")
  boolean allPlatforms;

  @Parameters(index = "0", paramLabel = "FILE", description = "where to; - is stdout")
  String file;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "REF")
  List<String> names;

  @Override
  protected int run(Session session) throws IOException, InterruptedException {
    if (file.equals("-")) {
      export(session, session.out(), new ProgressBars(System.err, false));
      return 0;
    }
    // Under another name until it is whole: a broken export leaves no half archive behind.
    Path target = Path.of(file).toAbsolutePath();
    Path part = target.resolveSibling("." + target.getFileName() + ".part");
    try {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(part), BUFFER_BYTES)) {
        export(session, out, ProgressBars.on(session.out()));
      }
      Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
    } catch (java.nio.file.NoSuchFileException e) {
      throw CommandFailure.of("the folder of " + target + " does not exist", e);
    } finally {
      Files.deleteIfExists(part);
    }
    return 0;
  }

  private void export(Session session, OutputStream out, ProgressBars bars)
      throws IOException, InterruptedException {
    DaemonTransfer transfer = new DaemonTransfer(session);
    ImageStore.Builder images = ImageStore.newBuilder().setName(names.getFirst());
    names.stream()
        .skip(1)
        .forEach(name -> images.addExtraReferences(ImageReference.newBuilder().setName(name)));
    try (DaemonTransfer.Pipe bytes = transfer.bytes(out)) {
      transfer.run(
          images.build(),
          ImageExportStream.newBuilder().setStream(bytes.id).setAllPlatforms(allPlatforms).build(),
          bars);
      bytes.awaitEnd();
    }
    if (out instanceof PrintStream) {
      out.flush();
    }
  }
}
