package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SIGKILL of the shim, alone and together with the daemon. */
@Tag("real")
class ShimKilledTest {
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

  @Test
  void containerOutlivesItsShimAndItsExitIsKnown() {
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long pid = pods.pid(counter);
    Host.kill9(Host.parentOf(pid));
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows after the shim's death",
        PATIENCE,
        () -> pods.log("p", "counter").size() >= before + 5);
    assertTrue(Host.runs(pid));
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }

  @Test
  void exitRightAfterTheShimsDeathIsKnown() {
    String pod = pods.run("p");
    String second =
        pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long pid = pods.pid(second);
    Host.kill9(Host.parentOf(pid));
    pods.signal("go");
    Eventually.holds(
        "the container's exit",
        PATIENCE,
        () -> pods.status(second).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals(7, pods.status(second).getExitCode());
  }

  @Test
  void daemonAndShimKilledTogether() {
    String pod = pods.run("p");
    String counter = pods.start(pod, "p", "counter", Pods.COUNTER);
    String second =
        pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long counterPid = pods.pid(counter);
    long secondPid = pods.pid(second);
    long shim = Host.parentOf(counterPid);
    long otherShim = Host.parentOf(secondPid);
    node.killDaemon();
    Host.kill9(shim);
    if (Host.runs(otherShim)) {
      Host.kill9(otherShim);
    }
    pods.signal("go");
    Eventually.holds("the second container's end", PATIENCE, () -> !Host.runs(secondPid));
    assertTrue(Host.runs(counterPid));
    node.start();
    Eventually.holds(
        "the second container's exit",
        PATIENCE,
        () -> pods.status(second).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals(7, pods.status(second).getExitCode());
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows again", PATIENCE, () -> pods.log("p", "counter").size() >= before + 5);
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }
}
