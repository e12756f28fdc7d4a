package dev.retainerd.runtime.ctl.task;

import com.google.protobuf.Any;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Mount;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;

/** Starts a container's task and, unless detached, stays with it until it ends. */
final class TaskRun {
  private final Session session;
  private final Container container;
  private final Flags flags;
  private final Optional<Descriptor> checkpoint;

  /**
   * How to run it.
   *
   * @param logUri where output goes; empty: to us
   * @param pidFile where the pid is written; empty: nowhere
   */
  record Flags(
      boolean tty,
      boolean detach,
      boolean nullIo,
      String logUri,
      String fifoDir,
      String pidFile,
      boolean deleteAtEnd) {}

  TaskRun(Session session, Container container, Flags flags) {
    this(session, container, flags, Optional.empty());
  }

  /**
   * One that goes on from a checkpoint.
   *
   * @param checkpoint CRIU's images as content; empty for a task that begins anew
   */
  TaskRun(Session session, Container container, Flags flags, Optional<Descriptor> checkpoint) {
    this.session = session;
    this.container = container;
    this.flags = flags;
    this.checkpoint = checkpoint;
  }

  private Stdio stdio() throws IOException {
    if (!flags.logUri().isEmpty()) {
      return Stdio.log(flags.logUri(), flags.tty());
    }
    if (flags.nullIo()) {
      if (flags.tty()) {
        throw CommandFailure.usage("--tty and --null-io cannot be used together");
      }
      return Stdio.none(false);
    }
    // Detached, nobody will ever feed its stdin: it gets none, and our FIFOs must stay.
    return Stdio.fifos(container.getId(), flags.tty(), !flags.detach(), flags.fifoDir());
  }

  /** The exit status: the process's own, or 0 when detached. */
  int run(Optional<Any> options) throws IOException, InterruptedException {
    Optional<Terminal> terminal =
        flags.tty() && !flags.detach() ? Optional.of(Terminal.raw()) : Optional.empty();
    Stdio stdio = stdio();
    try {
      return run(options, stdio, terminal);
    } finally {
      terminal.ifPresent(Terminal::close);
      if (!flags.detach()) {
        stdio.close();
      }
    }
  }

  private int run(Optional<Any> options, Stdio stdio, Optional<Terminal> terminal)
      throws IOException, InterruptedException {
    // Detached as well: a shim's open() of a FIFO returns when somebody has the other end.
    stdio.copy();
    Attended process = new Attended(session, container.getId(), "");
    int pid = create(options, stdio.paths());
    try {
      Future<WaitResponse> end = process.awaitEnd();
      if (!flags.pidFile().isEmpty()) {
        Files.writeString(Path.of(flags.pidFile()), Integer.toString(pid));
      }
      TaskVerbs.stub(session)
          .start(StartRequest.newBuilder().setContainerId(container.getId()).build());
      if (flags.detach()) {
        return 0;
      }
      stdio.processStarted(process::closeStdin);
      if (terminal.isPresent()) {
        terminal.get().onResize(process::resize);
      } else {
        process.forwardSignals();
      }
      int code = process.finish(end, stdio);
      if (flags.deleteAtEnd()) {
        deleteTask();
      }
      return code;
    } catch (StatusRuntimeException e) {
      deleteQuietly();
      throw e;
    }
  }

  private int create(Optional<Any> options, Stdio.Paths paths) {
    CreateTaskRequest.Builder request =
        CreateTaskRequest.newBuilder()
            .setContainerId(container.getId())
            .addAllRootfs(rootfs())
            .setStdin(paths.stdin())
            .setStdout(paths.stdout())
            .setStderr(paths.stderr())
            .setTerminal(paths.terminal());
    options.ifPresent(request::setOptions);
    checkpoint.ifPresent(request::setCheckpoint);
    return TaskVerbs.stub(session).create(request.build()).getPid();
  }

  private List<Mount> rootfs() {
    if (container.getSnapshotKey().isEmpty()) {
      return List.of();
    }
    return session
        .bounded(SnapshotsGrpc.newBlockingStub(session.channel()))
        .mounts(
            MountsRequest.newBuilder()
                .setSnapshotter(container.getSnapshotter())
                .setKey(container.getSnapshotKey())
                .build())
        .getMountsList();
  }

  private void deleteTask() {
    TaskVerbs.stub(session)
        .delete(DeleteTaskRequest.newBuilder().setContainerId(container.getId()).build());
  }

  private void deleteQuietly() {
    try {
      deleteTask();
    } catch (StatusRuntimeException ignored) {
      // The first failure is the one to tell.
    }
  }
}
