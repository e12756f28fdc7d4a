package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.tasks.v1.CloseIORequest;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResizePtyRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import sun.misc.Signal;

/** A process with this command line as its user: signals, window size and its end are passed on. */
final class Attended {
  private static final long DRAIN_MILLIS = 10_000;
  private static final List<String> FORWARDED = List.of("INT", "TERM", "HUP", "USR2");

  private final Session session;
  private final String containerId;
  private final String execId;

  /** {@code execId} is empty for the container's init. */
  Attended(Session session, String containerId, String execId) {
    this.session = session;
    this.containerId = containerId;
    this.execId = execId;
  }

  /** Begins to wait for its end: before it starts, so that the end cannot be missed. */
  Future<WaitResponse> awaitEnd() {
    return session
        .patient(TasksGrpc.newFutureStub(session.channel()))
        .wait(WaitRequest.newBuilder().setContainerId(containerId).setExecId(execId).build());
  }

  /** Passes signals to it. */
  void forwardSignals() {
    for (String name : FORWARDED) {
      Signal.handle(new Signal(name), signal -> kill(signal.getNumber()));
    }
  }

  private void kill(int signal) {
    try {
      TaskVerbs.stub(session)
          .kill(
              KillRequest.newBuilder()
                  .setContainerId(containerId)
                  .setExecId(execId)
                  .setSignal(signal)
                  .build());
    } catch (StatusRuntimeException endedAlready) {
      // Its end is on its way to us.
    }
  }

  /** Tells it the terminal's size. */
  void resize(Terminal.Size size) {
    try {
      TaskVerbs.stub(session)
          .resizePty(
              ResizePtyRequest.newBuilder()
                  .setContainerId(containerId)
                  .setExecId(execId)
                  .setWidth(size.width())
                  .setHeight(size.height())
                  .build());
    } catch (StatusRuntimeException endedAlready) {
      // A window of nobody.
    }
  }

  /** Tells it that nothing more comes on stdin. */
  void closeStdin() {
    try {
      TaskVerbs.stub(session)
          .closeIO(
              CloseIORequest.newBuilder()
                  .setContainerId(containerId)
                  .setExecId(execId)
                  .setStdin(true)
                  .build());
    } catch (StatusRuntimeException endedAlready) {
      // Nobody reads it any more.
    }
  }

  /** Waits for the end and for the last output; the process's exit status. */
  int finish(Future<WaitResponse> end, Stdio stdio) throws InterruptedException {
    try {
      WaitResponse ended = end.get();
      if (!stdio.drain(DRAIN_MILLIS)) {
        System.err.println(
            "retainctl: the process has ended, but something of it still holds its output open;"
                + " not waiting for it any longer");
      }
      return ended.getExitStatus();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    }
  }
}
