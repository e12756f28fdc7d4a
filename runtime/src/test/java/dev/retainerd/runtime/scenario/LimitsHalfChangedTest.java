package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** New limits are recorded, and the daemon dies before it knows that the container has them. */
@Tag("real")
class LimitsHalfChangedTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String SLEEPER = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

  private static long shares(Node node, long pid) throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/cgroup"))) {
      String[] fields = line.split(":", 3);
      if (fields[1].contains("cpu") && !fields[1].contains("cpuset")) {
        Path group = Path.of("/sys/fs/cgroup/cpu" + fields[2]);
        return Long.parseLong(Files.readString(group.resolve("cpu.shares")).strip());
      }
      if (fields[1].isEmpty()
          && Files.exists(Path.of("/sys/fs/cgroup" + fields[2], "cpu.weight"))) {
        Path weight = Path.of("/sys/fs/cgroup" + fields[2], "cpu.weight");
        return Long.parseLong(Files.readString(weight).strip());
      }
    }
    throw new AssertionError("process " + pid + " of " + node.name() + " has no cpu cgroup");
  }

  @ParameterizedTest
  @EnumSource(names = {"CONTAINER_UPDATE_RECORDED", "CONTAINER_UPDATE_APPLIED"})
  void theContainerGetsWhatIsRecorded(Failpoint point) throws Exception {
    try (Node node = Node.prepared()) {
      node.start("-Dretainerd.failpoint=" + point);
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String id = pods.start(pods.run("p"), "p", "c", SLEEPER);
      long pid = pods.pid(id);
      long before = shares(node, pid);
      assertThrows(
          StatusRuntimeException.class,
          () -> pods.update(id, LinuxContainerResources.newBuilder().setCpuShares(256)));
      node.awaitDaemonEnd();

      node.start();
      Eventually.holds("other limits", PATIENCE, () -> shares(node, pid) < before);
      assertEquals(256, pods.status(id).getResources().getLinux().getCpuShares());
      // One that ended meanwhile needs none.
      node.cri()
          .stopContainer(
              StopContainerRequest.newBuilder().setContainerId(id).setTimeout(1).build());
      node.killDaemon();
      node.start();
      assertEquals(256, pods.status(id).getResources().getLinux().getCpuShares());
    }
  }
}
