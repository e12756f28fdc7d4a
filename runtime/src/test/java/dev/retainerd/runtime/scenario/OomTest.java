package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.history.v1.HistoryEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 16: out of memory, with kills of the daemon in between: always known, always before the
 * exit.
 */
@Tag("real")
class OomTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final long LIMIT_BYTES = 24 << 20;
  private static final int AT_ONCE = 5;

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

  private void ooms(int rounds) {
    String pod = pods.run("p");
    for (int round = 0; round < rounds; round++) {
      List<String> containers = new ArrayList<>();
      String go = "go" + round;
      for (int i = 0; i < AT_ONCE; i++) {
        containers.add(
            pods.startLimited(
                pod,
                "p",
                "c" + round + "-" + i,
                "until [ -e /signal/" + go + " ]; do sleep 0.01; done; exec tail /dev/zero",
                LIMIT_BYTES));
      }
      pods.signal(go);
      if (round % 2 == 0) {
        node.killDaemon();
        node.start();
      }
      for (String container : containers) {
        Eventually.holds(
            "its end",
            PATIENCE,
            () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
        assertEquals("OOMKilled", pods.status(container).getReason(), container);
        assertEquals(137, pods.status(container).getExitCode());
        expectOomBeforeExit(container);
        pods.remove(container);
      }
    }
  }

  private void expectOomBeforeExit(String container) {
    List<String> types =
        new History(node)
            .from(1).stream()
                .filter(event -> event.getSubject().endsWith(container))
                .map(HistoryEvent::getType)
                .filter(type -> type.equals("TaskOom") || type.equals("TaskExited"))
                .toList();
    assertEquals(1, types.stream().filter("TaskExited"::equals).count(), types.toString());
    assertTrue(types.size() >= 2, types.toString());
    assertEquals("TaskExited", types.getLast(), types.toString());
  }

  @Test
  void everyOomIsKnownAndStandsBeforeItsExit() {
    ooms(2);
  }

  @Test
  @Tag("soak")
  void hundredOomsAreAllKnown() {
    ooms(20);
  }
}
