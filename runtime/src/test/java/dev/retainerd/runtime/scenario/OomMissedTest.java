package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.history.v1.HistoryEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Case 16: an OOM that is missed, or told after the exit. */
@Tag("real")
class OomMissedTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Waits for its turn, then takes more memory than it may have. */
  private static final String EATER =
      "until [ -e /signal/eat ]; do sleep 0.05; done; x=0123456789abcdef;"
          + " while :; do x=$x$x; done";

  @Test
  void everyOneOfSixIsOomKilledWithADaemonKilledAmongThem() {
    run(6, 1);
  }

  @Test
  @Tag("soak")
  void everyOneOfAHundredIsOomKilledWithDaemonsKilledAmongThem() {
    run(20, 5);
  }

  private static void run(int containers, int rounds) {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String pod = pods.run("p");
      for (int round = 0; round < rounds; round++) {
        round(node, pods, pod, round, containers);
      }
      pods.removePod(pod);
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }

  private static void round(Node node, Pods pods, String pod, int round, int containers) {
    node.folder().resolve("signal/eat").toFile().delete();
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < containers; i++) {
      ContainerConfig.Builder config =
          pods.containerConfig("eater-" + round + "-" + i, EATER).toBuilder();
      config
          .getLinuxBuilder()
          .setResources(LinuxContainerResources.newBuilder().setMemoryLimitInBytes(16L << 20));
      ids.add(pods.start(pod, "p", config.build()));
    }
    pods.signal("eat");
    node.killDaemon();
    node.start();
    for (String id : ids) {
      Eventually.holds(
          "the end of " + id,
          PATIENCE,
          () -> pods.status(id).getState() == ContainerState.CONTAINER_EXITED);
      ContainerStatus status = pods.status(id);
      assertEquals("OOMKilled", status.getReason(), status.toString());
      assertEquals(137, status.getExitCode());
      pods.remove(id);
    }
    List<HistoryEvent> all = new History(node).from(1);
    for (String id : ids) {
      List<String> ends =
          all.stream()
              .filter(e -> e.getSubject().endsWith(id))
              .map(HistoryEvent::getType)
              .filter(type -> type.equals("TaskOom") || type.equals("TaskExited"))
              .toList();
      assertEquals(List.of("TaskOom", "TaskExited"), ends);
    }
  }
}
