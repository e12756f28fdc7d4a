package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Sentences;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl run}: create, start, stay, delete. */
@Command(name = "run", description = "run a container", sortOptions = false)
public final class RunVerb extends Verb {
  @Option(
      names = "--rm",
      description = "remove the container after running, cannot be used with --detach")
  boolean remove;

  @Mixin TaskFlags taskFlags = new TaskFlags();

  @Mixin SpecFlags flags = new SpecFlags();

  @Parameters(index = "0", paramLabel = "IMAGE|ROOTFS")
  String image;

  @Parameters(index = "1", paramLabel = "ID")
  String id;

  @Parameters(index = "2..*", paramLabel = "COMMAND")
  List<String> arguments = new ArrayList<>();

  @Override
  protected int run(Session session) throws IOException, InterruptedException {
    if (remove && taskFlags.detach) {
      throw CommandFailure.usage("flags --detach and --rm cannot be specified together");
    }
    Creation creation = new Creation(session, flags);
    Container container = creation.create(image, id, arguments);
    try {
      return new TaskRun(session, container, taskFlags.with(flags.tty))
          .run(Optional.of(creation.taskOptions()));
    } finally {
      if (remove) {
        delete(session);
      }
    }
  }

  private void delete(Session session) {
    try {
      ContainerVerbs.delete(session, id, false);
    } catch (RuntimeException e) {
      System.err.println(
          "retainctl: container " + id + " stays: " + Sentences.of(e, session.socket()));
    }
  }
}
