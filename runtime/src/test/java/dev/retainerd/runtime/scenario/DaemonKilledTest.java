package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SIGKILL of the daemon while containers run, end and print. */
@Tag("real")
@Tag("timed")
class DaemonKilledTest {
  private static final long READY_MILLIS = 2_000;

  private static final Duration PATIENCE = Duration.ofSeconds(15);

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

  /**
   * Ready within two seconds; where the host held up one start, the median of three counts, and on
   * a host that is slow altogether five times what the bare program takes to say its version.
   */
  private void assertInTime(Duration first) {
    List<Long> millis = new ArrayList<>(List.of(first.toMillis()));
    while (millis.getFirst() >= READY_MILLIS && millis.size() < 3) {
      node.killDaemon();
      millis.add(node.start().toMillis());
    }
    long median = millis.stream().sorted().toList().get(millis.size() / 2);
    if (median >= READY_MILLIS) {
      long started = System.nanoTime();
      Host.run(60, List.of(Node.DIST.resolve("bin/retainerd").toString(), "--version"));
      long bare = (System.nanoTime() - started) / 1_000_000;
      assertTrue(median < 5 * bare, "ready after " + millis + " ms, --version after " + bare);
    }
  }

  @Test
  void exitWhileDaemonIsDown() {
    String pod = pods.run("p");
    String counter = pods.start(pod, "p", "counter", Pods.COUNTER);
    String second =
        pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long counterPid = pods.pid(counter);
    long secondPid = pods.pid(second);
    node.killDaemon();
    int before = pods.log("p", "counter").size();
    pods.signal("go");
    Eventually.holds("the second container's end", PATIENCE, () -> !Host.runs(secondPid));
    long endedMillis = System.currentTimeMillis();
    Eventually.holds(
        "a log that grows without a daemon",
        PATIENCE,
        () -> pods.log("p", "counter").size() >= before + 5);

    Duration ready = node.start();
    assertInTime(ready);
    Eventually.holds(
        "the second container's exit",
        PATIENCE,
        () -> pods.status(second).getState() == ContainerState.CONTAINER_EXITED);
    ContainerStatus status = pods.status(second);
    assertEquals(7, status.getExitCode());
    assertTrue(
        Math.abs(status.getFinishedAt() / 1_000_000 - endedMillis) < 500,
        "it ended at " + endedMillis + " but reported: " + status);
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
    assertTrue(Host.runs(counterPid));
    pods.expectCounted("p", "counter");
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }

  @Test
  void twentyPodsAreAllThereAgain() {
    List<String> containers = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      containers.add(pods.start(pods.run("p" + i), "p" + i, "c", "sleep 1000"));
    }
    node.killDaemon();
    Duration ready = node.start();
    assertInTime(ready);
    assertEquals(
        20,
        node
            .cri()
            .listContainers(ListContainersRequest.getDefaultInstance())
            .getContainersList()
            .stream()
            .filter(container -> container.getState() == ContainerState.CONTAINER_RUNNING)
            .count());
    for (String container : containers) {
      assertTrue(Host.runs(pods.pid(container)), container);
    }
  }

  @Test
  void tenKillsInARowLoseNoLine() {
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    for (int round = 0; round < 10; round++) {
      int before = pods.log("p", "counter").size();
      node.killDaemon();
      node.start();
      Eventually.holds("a growing log", PATIENCE, () -> pods.log("p", "counter").size() > before);
    }
    pods.stop(counter, 10);
    pods.expectCounted("p", "counter");
  }

  @Test
  void orderlyStopLeavesContainersRunning() {
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long pid = pods.pid(counter);
    node.stopDaemon();
    assertTrue(Host.runs(pid));
    node.start();
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
    assertEquals(pid, pods.pid(counter));
  }
}
