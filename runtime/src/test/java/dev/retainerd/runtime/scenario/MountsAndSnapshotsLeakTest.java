package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Case 20, mounts and snapshots leak: the daemon is killed at every point where something was just
 * mounted, unmounted, made or removed. After the next start mounts minus state is nothing, doctor
 * agrees, and where something does leak it names the event behind it.
 */
@Tag("real")
class MountsAndSnapshotsLeakTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  @ParameterizedTest
  @EnumSource(
      value = Failpoint.class,
      names = {"CONTAINER_SNAPSHOT_PREPARED", "TASK_BUNDLE_WRITTEN", "TASK_DELETED_IN_SHIM"})
  void killedAt(Failpoint point) {
    killedAtAndRecovered(point);
  }

  @Tag("soak")
  @ParameterizedTest
  @EnumSource(
      value = Failpoint.class,
      mode = EnumSource.Mode.MATCH_ANY,
      names = {
        "^(CONTAINER|TASK)_.*",
        "^SANDBOX_(FOLDER|NAMESPACES|NETWORK_ADDED|NETWORK_REMOVED).*"
      })
  void killedAtEveryPoint(Failpoint point) {
    killedAtAndRecovered(point);
  }

  private void killedAtAndRecovered(Failpoint point) {
    node.start("-Dretainerd.failpoint=" + point);
    node.importImage("k8s.io");
    assertThrows(StatusRuntimeException.class, this::life, point + " was never passed");
    node.awaitDaemonEnd();
    node.start();
    // It has waited for recovery when it answers.
    Host.Output doctor = node.retainctl("doctor");
    assertEquals(0, doctor.code(), point + ": " + doctor.text());
    expectMountsOfTheLivingOnly(point.name());
    for (PodSandbox pod : podsListed()) {
      pods.stopPod(pod.getId());
      pods.removePod(pod.getId());
    }
    assertEquals(List.of(), Host.mountsBelow(node.state()), point.name());
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void aLeakIsShownWithTheEventBehindIt() throws IOException {
    node.start();
    node.importImage("k8s.io");
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", "exit 0");
    Eventually.holds("its end", PATIENCE, () -> pods.status(container).getFinishedAt() > 0);
    pods.remove(container);
    node.retainctl("doctor").expectSuccess();
    Path bundle = node.state().resolve("tasks").resolve("k8s.io").resolve(container);
    Files.createDirectories(bundle.resolve("rootfs"));
    Host.run(10, List.of("mount", "-t", "tmpfs", "tmpfs", bundle.resolve("rootfs").toString()))
        .expectSuccess();

    Host.Output doctor = node.retainctl("--json", "doctor");
    assertEquals(1, doctor.code(), doctor.text());
    assertTrue(doctor.text().contains("k8s.io/" + container), doctor.text());
    assertTrue(doctor.text().contains("removed"), "it names the last event: " + doctor.text());
    node.killDaemon();
    node.start();
    node.retainctl("doctor").expectSuccess();
    assertEquals(
        List.of(),
        Host.mountsBelow(node.state()).stream().filter(m -> m.contains(container)).toList());
  }

  /** A pod with a container that ends, from its beginning to its end. */
  private void life() {
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", Pods.COUNTER);
    pods.update(container, LinuxContainerResources.newBuilder().setCpuShares(512));
    pods.stop(container, 10);
    pods.remove(container);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  private void expectMountsOfTheLivingOnly(String what) {
    List<String> living = new ArrayList<>();
    podsListed().forEach(pod -> living.add(pod.getId()));
    for (Container container :
        node.cri().listContainers(ListContainersRequest.getDefaultInstance()).getContainersList()) {
      living.add(container.getId());
    }
    List<String> strays =
        Stream.concat(
                Host.mountsBelow(node.state()).stream(), Host.mountsBelow(node.root()).stream())
            .filter(mount -> living.stream().noneMatch(mount::contains))
            .toList();
    assertEquals(List.of(), strays, what + ": mounts that nobody owns");
  }

  private List<PodSandbox> podsListed() {
    return node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList();
  }
}
