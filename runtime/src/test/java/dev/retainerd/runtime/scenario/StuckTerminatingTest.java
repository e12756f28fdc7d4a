package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.retainerd.wire.cri.v1.ContainerState;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Case 14: the first process and its shim are killed together; a peer's pod stays Terminating. */
@Tag("real")
class StuckTerminatingTest {

  @Test
  void initAndShimKilledTogetherAreEndedWithinFiveSeconds() {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String pod = pods.run("p");
      String container = pods.start(pod, "p", "c", Pods.COUNTER);
      long pid = pods.pid(container);
      long shim = Host.parentOf(pid);
      Host.kill9(shim);
      Host.kill9(pid);
      Eventually.holds(
          "the end of the container",
          Duration.ofSeconds(5),
          () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
      assertNotEquals(0, pods.status(container).getExitCode());
      pods.stop(container, 10);
      pods.stop(container, 10);
      pods.stopPod(pod);
      pods.stopPod(pod);
      pods.remove(container);
      pods.remove(container);
      pods.removePod(pod);
      pods.removePod(pod);
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }
}
