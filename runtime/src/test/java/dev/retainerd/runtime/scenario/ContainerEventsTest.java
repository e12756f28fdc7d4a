package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerEventResponse;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.GetEventsRequest;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** CRI's container events reach their reader, also those of a time without a daemon. */
@Tag("real")
class ContainerEventsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Node node;
  private Pods pods;

  @BeforeEach
  void start() {
    node = Node.started();
    pods = new Pods(node);
    node.importImage("k8s.io");
  }

  @AfterEach
  void close() {
    node.close();
  }

  /** Reads on a thread of its own until the daemon is gone. */
  private final class Reader {
    final List<ContainerEventResponse> events = new CopyOnWriteArrayList<>();
    final CountDownLatch ended = new CountDownLatch(1);

    Reader() {
      Iterator<ContainerEventResponse> stream =
          node.cri().getContainerEvents(GetEventsRequest.getDefaultInstance());
      Thread.startVirtualThread(
          () -> {
            try {
              stream.forEachRemaining(events::add);
            } catch (StatusRuntimeException e) {
              // The daemon was killed.
              ended.countDown();
            }
          });
    }

    List<String> of(String id) {
      return events.stream()
          .filter(e -> e.getContainerId().equals(id))
          .map(e -> e.getContainerEventType().name())
          .toList();
    }

    void await(String id, String... types) {
      Eventually.holds(List.of(types) + " of " + id, PATIENCE, () -> of(id).equals(List.of(types)));
    }
  }

  @Test
  void aLifeIsToldInOrderWithThePodAsItIs() {
    Reader reader = new Reader();
    Eventually.holds(
        "a reader that reads",
        PATIENCE,
        () -> {
          String probe = pods.run("probe" + System.nanoTime());
          pods.removePod(probe);
          return !reader.events.isEmpty();
        });
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", "exit 7");
    reader.await(
        container, "CONTAINER_CREATED_EVENT", "CONTAINER_STARTED_EVENT", "CONTAINER_STOPPED_EVENT");
    ContainerEventResponse stopped =
        reader.events.stream().filter(e -> e.getContainerId().equals(container)).toList().getLast();
    assertEquals(pod, stopped.getPodSandboxStatus().getId());
    assertEquals(7, stopped.getContainersStatuses(0).getExitCode());
    assertEquals(ContainerState.CONTAINER_EXITED, stopped.getContainersStatuses(0).getState());
    assertTrue(stopped.getCreatedAt() > 0);
    pods.removePod(pod);
    reader.await(
        pod,
        "CONTAINER_CREATED_EVENT",
        "CONTAINER_STARTED_EVENT",
        "CONTAINER_STOPPED_EVENT",
        "CONTAINER_DELETED_EVENT");
    assertEquals("CONTAINER_DELETED_EVENT", reader.of(container).getLast());
  }

  @Test
  void noneIsLostOverARestart() throws Exception {
    Reader first = new Reader();
    String pod = pods.run("p");
    String container =
        pods.start(pod, "p", "c", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    first.await(container, "CONTAINER_CREATED_EVENT", "CONTAINER_STARTED_EVENT");
    long pid = pods.pid(container);
    node.killDaemon();
    first.ended.await();
    pods.signal("go");
    Eventually.holds("the container's end", PATIENCE, () -> !Host.runs(pid));
    node.start();
    Eventually.holds(
        "its exit on record",
        PATIENCE,
        () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
    // The stream is asked for only after it all happened.
    Reader second = new Reader();
    second.await(container, "CONTAINER_STOPPED_EVENT");
  }
}
