package dev.retainerd.runtime.session;

import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.namespaces.PodSockets;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.stream.StreamIo;
import dev.retainerd.runtime.stream.StreamRequest;
import dev.retainerd.runtime.stream.StreamTargets;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.ByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Supplier;

/** CRI's containers and pods as ends of streams. Thread-safe. */
public final class ContainerTargets implements StreamTargets {
  private static final Duration CONNECT = Duration.ofSeconds(10);

  private final CommandRuns runs;
  private final Attachments attachments;
  private final ContainerService containers;
  private final SandboxService sandboxes;
  private final Origin origin;

  /**
   * Makes them.
   *
   * @param folder where FIFOs of clients are made
   * @param origin who stands behind what a client with a ticket does
   */
  public ContainerTargets(
      CommandRuns runs,
      TaskService tasks,
      ContainerService containers,
      SandboxService sandboxes,
      Path folder,
      Supplier<String> newId,
      Origin origin) {
    this.runs = runs;
    this.attachments = new Attachments(tasks, folder, newId);
    this.containers = containers;
    this.sandboxes = sandboxes;
    this.origin = origin;
  }

  @Override
  public int exec(StreamRequest.Exec request, StreamIo io) {
    OutputStream nowhere = OutputStream.nullOutputStream();
    return runs.run(
        origin,
        new CommandRuns.Command(
            request.containerId(),
            request.command(),
            request.streams().tty(),
            io.stdin(),
            io.stdout().orElse(nowhere),
            io.stderr().orElse(nowhere),
            Duration.ZERO,
            io.gone(),
            false,
            resize -> io.resizes().listen(size -> resize.to(size.width(), size.height()))));
  }

  @Override
  public void attach(StreamRequest.Attach request, StreamIo io) {
    CriContainer cri = containers.get(request.containerId()).getContainer().getCri();
    attachments.attach(request.containerId(), cri.getStdinOnce(), io);
  }

  @Override
  public ByteChannel dial(String sandboxId, int port) throws IOException {
    SandboxEntry pod = sandboxes.get(sandboxId);
    if (pod.getPhase() != SandboxPhase.SANDBOX_PHASE_READY) {
      throw Refusal.failedPrecondition(
          "pod sandbox " + sandboxId + " is not ready; its ports cannot be reached");
    }
    return PodSockets.connect(Path.of(pod.getSandbox().getNetnsPath()), port, CONNECT);
  }
}
