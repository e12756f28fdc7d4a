package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.v1.types.Process;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tasks start} and {@code tasks attach}. */
public final class StartVerbs {

  private StartVerbs() {}

  /** Starts the task of a container that is there. */
  @Command(name = "start", description = "start a container that has been created")
  public static final class Start extends Verb {
    @Mixin TaskFlags flags = new TaskFlags();

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) throws IOException, InterruptedException {
      Container container = ContainerVerbs.get(session, id);
      var process = Trees.parse(container.getSpec().getValue()).getAsJsonObject("process");
      boolean tty =
          process != null && process.has("terminal") && process.get("terminal").getAsBoolean();
      return new TaskRun(session, container, flags.with(tty)).run(Optional.empty());
    }
  }

  /** Attaches to the stdio of a task that runs. */
  @Command(name = "attach", description = "attach to the IO of a running container")
  public static final class Attach extends Verb {
    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) throws InterruptedException {
      Process task =
          TaskVerbs.stub(session)
              .get(GetRequest.newBuilder().setContainerId(id).build())
              .getProcess();
      Optional<Terminal> terminal =
          task.getTerminal() ? Optional.of(Terminal.raw()) : Optional.empty();
      Stdio stdio =
          Stdio.existing(
              new Stdio.Paths(
                  task.getStdin(), task.getStdout(), task.getStderr(), task.getTerminal()));
      try {
        Attended process = new Attended(session, id, "");
        Future<WaitResponse> end = process.awaitEnd();
        stdio.copy();
        stdio.processStarted(process::closeStdin);
        if (terminal.isPresent()) {
          terminal.get().onResize(process::resize);
        } else {
          process.forwardSignals();
        }
        return process.finish(end, stdio);
      } finally {
        terminal.ifPresent(Terminal::close);
      }
    }
  }
}
