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
    assertTrue(ready.toMillis() < 2_000, "ready after " + ready);
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
    assertTrue(ready.toMillis() < 2_000, "ready after " + ready);
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
