package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ExecProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl tasks exec}: a further process in a running container. */
@Command(name = "exec", description = "execute additional processes in an existing container")
public final class ExecVerb extends Verb {
  private static final String TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";

  @Option(names = "--cwd", defaultValue = "", description = "working directory of the new process")
  String cwd;

  @Option(
      names = {"-t", "--tty"},
      description = "allocate a TTY for the container")
  boolean tty;

  @Option(
      names = {"-d", "--detach"},
      description = "detach from the task after it has started execution")
  boolean detach;

  @Option(
      names = "--exec-id",
      defaultValue = "",
      description = "exec specific id for the process; made up by default")
  String execId;

  @Option(
      names = "--fifo-dir",
      defaultValue = "",
      description = "directory used for storing IO FIFOs")
  String fifoDir;

  @Option(names = "--log-uri", defaultValue = "", description = "log uri for custom shim logging")
  String logUri;

  @Option(names = "--user", defaultValue = "", description = "UID or UID:GID")
  String user;

  @Parameters(index = "0", paramLabel = "CONTAINER")
  String id;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "COMMAND")
  List<String> arguments;

  @Override
  protected int run(Session session) throws IOException, InterruptedException {
    if (execId.isEmpty()) {
      execId = "exec-" + UUID.randomUUID().toString().substring(0, 8);
    }
    JsonObject process = process(session);
    Optional<Terminal> terminal = tty && !detach ? Optional.of(Terminal.raw()) : Optional.empty();
    Stdio stdio =
        logUri.isEmpty() ? Stdio.fifos(execId, tty, !detach, fifoDir) : Stdio.log(logUri, tty);
    try {
      return run(session, process, stdio, terminal);
    } finally {
      terminal.ifPresent(Terminal::close);
      if (!detach) {
        stdio.close();
      }
    }
  }

  /** The container's own process with what was asked for in place of its command. */
  private JsonObject process(Session session) {
    JsonObject process =
        Trees.parse(ContainerVerbs.get(session, id).getSpec().getValue())
            .getAsJsonObject("process");
    if (process == null) {
      throw CommandFailure.of("the spec of container " + id + " names no process to exec beside");
    }
    process.addProperty("terminal", tty);
    process.add("args", Trees.of(arguments));
    if (!cwd.isEmpty()) {
      process.addProperty("cwd", cwd);
    }
    if (!user.isEmpty()) {
      if (!user.matches("\\d{1,10}(:\\d{1,10})?")) {
        throw CommandFailure.usage("--user takes UID or UID:GID, not \"" + user + "\"");
      }
      String[] parts = user.split(":", 2);
      JsonObject ids = new JsonObject();
      ids.addProperty("uid", Long.parseLong(parts[0]));
      ids.addProperty("gid", parts.length > 1 ? Long.parseLong(parts[1]) : 0);
      process.add("user", ids);
    }
    return process;
  }

  private int run(Session session, JsonObject process, Stdio stdio, Optional<Terminal> terminal)
      throws InterruptedException {
    // Detached as well: a shim's open() of a FIFO returns when somebody has the other end.
    stdio.copy();
    Stdio.Paths paths = stdio.paths();
    TaskVerbs.stub(session)
        .exec(
            ExecProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(execId)
                .setStdin(paths.stdin())
                .setStdout(paths.stdout())
                .setStderr(paths.stderr())
                .setTerminal(tty)
                .setSpec(
                    Any.newBuilder()
                        .setTypeUrl(TYPE)
                        .setValue(ByteString.copyFromUtf8(process.toString())))
                .build());
    Attended attended = new Attended(session, id, execId);
    try {
      Future<WaitResponse> end = attended.awaitEnd();
      TaskVerbs.stub(session)
          .start(StartRequest.newBuilder().setContainerId(id).setExecId(execId).build());
      if (detach) {
        return 0;
      }
      stdio.processStarted(attended::closeStdin);
      if (terminal.isPresent()) {
        terminal.get().onResize(attended::resize);
      } else {
        attended.forwardSignals();
      }
      return attended.finish(end, stdio);
    } finally {
      if (!detach) {
        delete(session);
      }
    }
  }

  private void delete(Session session) {
    try {
      TaskVerbs.stub(session)
          .deleteProcess(
              DeleteProcessRequest.newBuilder().setContainerId(id).setExecId(execId).build());
    } catch (StatusRuntimeException goneWithItsTask) {
      // Nothing is left to delete.
    }
  }
}
