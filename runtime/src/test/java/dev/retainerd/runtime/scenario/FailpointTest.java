package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The daemon ends at every boundary between an effect and its record. After a restart the same life
 * of a pod, called again as a kubelet would, must succeed, and nothing may be left at its end.
 */
@Tag("real")
class FailpointTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String POD = "p";
  private static final long SHARES = 512;

  /** Boundaries of a pod with a process of its own, which holds the pid namespace of all. */
  private static final Set<Failpoint> OF_PAUSE =
      Set.of(Failpoint.SANDBOX_NETWORK_RECORDED, Failpoint.SANDBOX_PAUSE_STARTED);

  private NamespaceMode pids = NamespaceMode.CONTAINER;

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  static Stream<Failpoint> failpoints() {
    return Arrays.stream(Failpoint.values())
        .filter(
            point ->
                point.name().startsWith("SANDBOX_")
                    || point.name().startsWith("CONTAINER_")
                    || point.name().startsWith("TASK_"));
  }

  /** A third of them, spread over all operations; the rest takes minutes. */
  static Stream<Failpoint> everyThird() {
    List<Failpoint> all = failpoints().toList();
    return IntStream.range(0, all.size()).filter(i -> i % 3 == 0).mapToObj(all::get);
  }

  @ParameterizedTest
  @MethodSource("everyThird")
  void daemonKilledAtEveryThird(Failpoint point) {
    killedAt(point);
  }

  @Tag("soak")
  @ParameterizedTest
  @MethodSource("failpoints")
  void daemonKilledAt(Failpoint point) {
    killedAt(point);
  }

  private void killedAt(Failpoint point) {
    pids = OF_PAUSE.contains(point) ? NamespaceMode.POD : NamespaceMode.CONTAINER;
    node.start("-Dretainerd.failpoint=" + point);
    node.importImage("k8s.io");
    StatusRuntimeException lost =
        assertThrows(
            StatusRuntimeException.class, this::life, point + " was never passed in a pod's life");
    assertEquals(Status.Code.UNAVAILABLE, lost.getStatus().getCode(), lost.getMessage());
    node.awaitDaemonEnd();
    assertEquals(137, node.exitCode(), node.logTail());

    node.start();
    expectKnownStates();
    life();
    assertEquals(List.of(), podsListed());
    assertEquals(List.of(), containersListed());
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** A pod's life as a kubelet drives it: it looks what is there, and calls what is still to do. */
  private void life() {
    String pod = readyPod();
    String container = createdContainer(pod);
    int before = pods.log(POD, "c").size();
    if (pods.status(container).getState() == ContainerState.CONTAINER_CREATED) {
      pods.start(container);
    }
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
    // A signal that comes before runc's own process has become the shell ends that one, with 2.
    Eventually.holds("a line of the container", PATIENCE, () -> pods.log(POD, "c").size() > before);
    pods.update(container, LinuxContainerResources.newBuilder().setCpuShares(SHARES));
    assertEquals(SHARES, pods.status(container).getResources().getLinux().getCpuShares());
    pods.stop(container, 10);
    assertEquals(3, pods.status(container).getExitCode());
    pods.remove(container);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  private String readyPod() {
    for (PodSandbox pod : podsListed()) {
      if (pod.getState() == PodSandboxState.SANDBOX_READY) {
        return pod.getId();
      }
      pods.stopPod(pod.getId());
      pods.removePod(pod.getId());
    }
    return pods.run(pods.config(POD, pids));
  }

  private String createdContainer(String pod) {
    for (Container container : containersListed()) {
      boolean usable =
          container.getPodSandboxId().equals(pod)
              && (container.getState() == ContainerState.CONTAINER_CREATED
                  || container.getState() == ContainerState.CONTAINER_RUNNING);
      if (usable) {
        return container.getId();
      }
      pods.remove(container.getId());
    }
    return pods.create(pod, pods.config(POD, pids), "c", Pods.COUNTER);
  }

  private void expectKnownStates() {
    Eventually.holds(
        "every container in a known state",
        PATIENCE,
        () ->
            containersListed().stream()
                .noneMatch(one -> one.getState() == ContainerState.CONTAINER_UNKNOWN));
  }

  private List<PodSandbox> podsListed() {
    return node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList();
  }

  private List<Container> containersListed() {
    return node.cri()
        .listContainers(ListContainersRequest.getDefaultInstance())
        .getContainersList();
  }
}
