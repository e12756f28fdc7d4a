package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Case 24: lists that take so long that the kubelet's PLEG calls itself unhealthy. */
@Tag("real")
class SlowListsTest {
  private static final int LISTS = 100;

  @Test
  void listsDoNotWaitForAWedgedShim() {
    run(40);
  }

  @Test
  @Tag("soak")
  void listsOfTwoThousandDeadContainersDoNotWaitForAWedgedShim() {
    run(2000);
  }

  private static void run(int dead) {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String pod = pods.run("p");
      String living = pods.start(pod, "p", "living", Pods.COUNTER);
      for (int i = 0; i < dead; i++) {
        pods.start(pod, "p", "dead" + i, "true");
      }
      Eventually.holds("the ends of all", Duration.ofSeconds(60), () -> running(node) == 1);
      long shim = Host.parentOf(pods.pid(living));
      Host.run(5, java.util.List.of("kill", "-STOP", Long.toString(shim))).expectSuccess();
      try {
        long[] nanos = new long[LISTS];
        for (int i = 0; i < LISTS; i++) {
          long from = System.nanoTime();
          int found =
              node.cri()
                  .listContainers(ListContainersRequest.getDefaultInstance())
                  .getContainersCount();
          nanos[i] = System.nanoTime() - from;
          assertEquals(dead + 1, found);
        }
        Arrays.sort(nanos);
        long p99 = nanos[LISTS * 99 / 100 - 1] / 1_000_000;
        assertTrue(p99 < 50, "p99 of the list: " + p99 + " ms");
      } finally {
        Host.run(5, java.util.List.of("kill", "-CONT", Long.toString(shim))).expectSuccess();
      }
    }
  }

  private static long running(Node node) {
    return node
        .cri()
        .listContainers(ListContainersRequest.getDefaultInstance())
        .getContainersList()
        .stream()
        .filter(c -> c.getState() == ContainerState.CONTAINER_RUNNING)
        .count();
  }
}
