package dev.retainerd.shim.service;

import com.google.protobuf.MessageLite;
import dev.retainerd.shim.container.Announcer;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.events.Envelope;
import dev.retainerd.shim.wire.events.ForwardRequest;
import dev.retainerd.shim.wire.events.TaskCheckpointed;
import dev.retainerd.shim.wire.events.TaskCreate;
import dev.retainerd.shim.wire.events.TaskDelete;
import dev.retainerd.shim.wire.events.TaskExecAdded;
import dev.retainerd.shim.wire.events.TaskExecStarted;
import dev.retainerd.shim.wire.events.TaskExit;
import dev.retainerd.shim.wire.events.TaskIO;
import dev.retainerd.shim.wire.events.TaskOOM;
import dev.retainerd.shim.wire.events.TaskPaused;
import dev.retainerd.shim.wire.events.TaskResumed;
import dev.retainerd.shim.wire.events.TaskStart;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.known.Timestamp;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * Publishes events to a stock containerd at TTRPC_ADDRESS, one after the other. While containerd is
 * away they wait, and are tried until it takes them: a shim's events are the only way it learns of
 * an exit. Our own daemon asks for records instead and gets no events. Thread-safe.
 */
public final class EventPublisher implements Announcer {
  private static final int WAITING_MAX = 8192;
  private static final long RETRY_FIRST_MILLIS = 50;
  private static final long RETRY_LAST_MILLIS = 5_000;
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Path address;
  private final ArrayBlockingQueue<Envelope> waiting = new ArrayBlockingQueue<>(WAITING_MAX);
  private TtrpcClient connection;

  private EventPublisher(Path address) {
    this.address = address;
  }

  /**
   * @param address of containerd's ttrpc socket; null where nobody wants events
   */
  public static EventPublisher start(Path address) {
    EventPublisher publisher = new EventPublisher(address);
    if (address != null) {
      Thread thread = new Thread(null, publisher::run, "events-out", 192 << 10);
      thread.setDaemon(true);
      thread.start();
    }
    return publisher;
  }

  private void run() {
    long pause = RETRY_FIRST_MILLIS;
    try {
      while (true) {
        Envelope next = waiting.peek();
        if (next == null) {
          awaitOne();
        } else if (forward(next)) {
          waiting.poll();
          pause = RETRY_FIRST_MILLIS;
        } else {
          Thread.sleep(pause);
          pause = Math.min(RETRY_LAST_MILLIS, pause * 2);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void awaitOne() throws InterruptedException {
    if (waiting.isEmpty()) {
      wait(60_000);
    }
  }

  private boolean forward(Envelope envelope) {
    try {
      if (connection == null || !connection.isOpen()) {
        connection = TtrpcClient.connect(address, () -> {});
      }
      connection.call(
          ServiceNames.EVENTS,
          "Forward",
          ForwardRequest.newBuilder().setEnvelope(envelope).build(),
          Map.of(ServiceNames.NAMESPACE_KEY, envelope.getNamespace()),
          Empty.parser(),
          PATIENCE);
      return true;
    } catch (IOException | TtrpcException e) {
      return false;
    }
  }

  /** Waits until all events are out, but not for long; before the process ends. */
  public void finish(long millis) {
    long deadline = System.nanoTime() + millis * 1_000_000;
    while (address != null && !waiting.isEmpty() && System.nanoTime() < deadline) {
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void publish(String namespace, String topic, String type, MessageLite event) {
    if (address == null) {
      return;
    }
    Instant now = Instant.now();
    Envelope envelope =
        Envelope.newBuilder()
            .setTimestamp(
                Timestamp.newBuilder().setSeconds(now.getEpochSecond()).setNanos(now.getNano()))
            .setNamespace(namespace)
            .setTopic(topic)
            .setEvent(
                Any.newBuilder()
                    .setTypeUrl("containerd.events." + type)
                    .setValue(event.toByteString()))
            .build();
    boolean taken = waiting.offer(envelope);
    synchronized (this) {
      notifyAll();
    }
    if (!taken) {
      System.err.println("containerd takes no events; one of " + topic + " is lost");
    }
  }

  @Override
  public void created(String namespace, CreateTaskRequest request, int pid) {
    publish(
        namespace,
        "/tasks/create",
        "TaskCreate",
        TaskCreate.newBuilder()
            .setContainerId(request.getId())
            .setBundle(request.getBundle())
            .addAllRootfs(request.getRootfsList())
            .setIo(
                TaskIO.newBuilder()
                    .setStdin(request.getStdin())
                    .setStdout(request.getStdout())
                    .setStderr(request.getStderr())
                    .setTerminal(request.getTerminal()))
            .setCheckpoint(request.getCheckpoint())
            .setPid(pid)
            .build());
  }

  @Override
  public void started(String namespace, String id, String execId, int pid) {
    if (execId.isEmpty()) {
      publish(
          namespace,
          "/tasks/start",
          "TaskStart",
          TaskStart.newBuilder().setContainerId(id).setPid(pid).build());
    } else {
      publish(
          namespace,
          "/tasks/exec-started",
          "TaskExecStarted",
          TaskExecStarted.newBuilder().setContainerId(id).setExecId(execId).setPid(pid).build());
    }
  }

  @Override
  public void execAdded(String namespace, String id, String execId) {
    publish(
        namespace,
        "/tasks/exec-added",
        "TaskExecAdded",
        TaskExecAdded.newBuilder().setContainerId(id).setExecId(execId).build());
  }

  @Override
  public void paused(String namespace, String id) {
    publish(
        namespace,
        "/tasks/paused",
        "TaskPaused",
        TaskPaused.newBuilder().setContainerId(id).build());
  }

  @Override
  public void resumed(String namespace, String id) {
    publish(
        namespace,
        "/tasks/resumed",
        "TaskResumed",
        TaskResumed.newBuilder().setContainerId(id).build());
  }

  @Override
  public void checkpointed(String namespace, String id, String path) {
    publish(
        namespace,
        "/tasks/checkpointed",
        "TaskCheckpointed",
        TaskCheckpointed.newBuilder().setContainerId(id).setCheckpoint(path).build());
  }

  @Override
  public void outOfMemory(String namespace, String id) {
    publish(namespace, "/tasks/oom", "TaskOOM", TaskOOM.newBuilder().setContainerId(id).build());
  }

  @Override
  public void exited(String namespace, String id, String execId, ExitRecord exit) {
    publish(
        namespace,
        "/tasks/exit",
        "TaskExit",
        TaskExit.newBuilder()
            .setContainerId(id)
            .setId(execId.isEmpty() ? id : execId)
            .setPid(exit.getPid())
            .setExitStatus(exit.getExitStatus())
            .setExitedAt(Containers.time(exit.getAtNanos()))
            .build());
  }

  @Override
  public void deleted(String namespace, String id, String execId, ExitRecord exit) {
    publish(
        namespace,
        "/tasks/delete",
        "TaskDelete",
        TaskDelete.newBuilder()
            .setContainerId(id)
            .setId(execId)
            .setPid(exit.getPid())
            .setExitStatus(exit.getExitStatus())
            .setExitedAt(Containers.time(exit.getAtNanos()))
            .build());
  }
}
