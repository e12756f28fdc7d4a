package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code retainctl containers create}: the record and its snapshot, without a process. */
@Command(name = "create", description = "create container")
public final class CreateVerb extends Verb {
  @Mixin SpecFlags flags = new SpecFlags();

  @Parameters(index = "0", paramLabel = "IMAGE|ROOTFS")
  String image;

  @Parameters(index = "1", paramLabel = "CONTAINER")
  String id;

  @Parameters(index = "2..*", paramLabel = "COMMAND")
  List<String> arguments = new ArrayList<>();

  @Override
  protected int run(Session session) throws IOException {
    new Creation(session, flags).create(image, id, arguments);
    return 0;
  }
}
