package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListImagesRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.RemoveImageRequest;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import dev.retainerd.wire.cri.v1.VersionRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A kubelet's day: a pod from its first call to the last, and nothing left of it. */
@Tag("real")
class PodLifecycleTest {
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
  void daemonSaysWhoItIsAndThatItIsReady() {
    assertEquals(
        "retainerd", node.cri().version(VersionRequest.getDefaultInstance()).getRuntimeName());
    node.cri()
        .status(StatusRequest.getDefaultInstance())
        .getStatus()
        .getConditionsList()
        .forEach(condition -> assertTrue(condition.getStatus(), condition.toString()));
  }

  @Test
  void podHasAnAddressAndItsContainerIsSeenByAllClients() {
    String pod = pods.run("web");
    String address =
        node.cri()
            .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
            .getStatus()
            .getNetwork()
            .getIp();
    assertTrue(address.startsWith(node.subnet() + "."), address);
    assertEquals(
        PodSandboxState.SANDBOX_READY,
        node.cri()
            .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
            .getItems(0)
            .getState());

    String container = pods.start(pod, "web", "counter", Pods.COUNTER);
    Eventually.holds(
        "five lines in the log",
        Duration.ofSeconds(10),
        () -> pods.log("web", "counter").size() >= 5);
    pods.expectCounted("web", "counter");
    assertTrue(node.ctrIn("k8s.io", "containers", "ls").expectSuccess().contains(container));
    assertTrue(Host.runs(pods.pid(container)));

    ExecSyncResponse exec =
        node.cri()
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(container)
                    .addAllCmd(List.of("/bin/sh", "-c", "hostname; ip addr; echo oops >&2; exit 5"))
                    .setTimeout(10)
                    .build());
    assertEquals(5, exec.getExitCode());
    assertTrue(exec.getStdout().toStringUtf8().startsWith("web\n"), exec.toString());
    assertTrue(exec.getStdout().toStringUtf8().contains(address), exec.toString());
    assertEquals(ByteString.copyFromUtf8("oops\n"), exec.getStderr());

    pods.stop(container, 10);
    ContainerStatus status = pods.status(container);
    assertEquals(ContainerState.CONTAINER_EXITED, status.getState());
    assertEquals(3, status.getExitCode());
    assertTrue(status.getFinishedAt() >= status.getStartedAt(), status.toString());
    pods.remove(container);
    assertTrue(
        node.cri()
            .listContainers(ListContainersRequest.getDefaultInstance())
            .getContainersList()
            .isEmpty());
    pods.stopPod(pod);
    pods.removePod(pod);
    assertEquals(0, node.stopDaemon() % 143);
    node.expectNothingLeft();
  }

  /** As with containerd: who hangs up within the grace time takes the wish to stop along. */
  @Test
  void aStopThatItsCallerGivesUpKillsNothing() {
    String pod = pods.run("stubborn");
    String container = pods.start(pod, "stubborn", "deaf", "trap '' TERM; echo up; sleep 1000");
    Eventually.holds(
        "the first line", Duration.ofSeconds(10), () -> !pods.log("stubborn", "deaf").isEmpty());
    StatusRuntimeException gone =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                node.cri()
                    .withDeadlineAfter(1, TimeUnit.SECONDS)
                    .stopContainer(
                        StopContainerRequest.newBuilder()
                            .setContainerId(container)
                            .setTimeout(3)
                            .build()));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, gone.getStatus().getCode());
    Eventually.holds(
        "the record of it",
        Duration.ofSeconds(10),
        () ->
            node.rewind("timeline", node.root().resolve("log").toString(), container)
                .text()
                .contains("gave that up"));
    // A daemon that starts now must not finish a stop that nobody wants any more.
    node.killDaemon();
    node.start();
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
    pods.stop(container, 1);
    assertEquals(137, pods.status(container).getExitCode());
    pods.removePod(pod);
  }

  @Test
  void stoppingAndRemovingAPodTakesItsContainersAlong() {
    String pod = pods.run("batch");
    long pid = pods.pid(pods.start(pod, "batch", "one", Pods.COUNTER));
    pods.start(pod, "batch", "two", "sleep 1000");
    pods.stopPod(pod);
    assertFalse(Host.runs(pid));
    assertEquals(List.of(), Host.linksOf(node.name()));
    pods.stopPod(pod);
    pods.removePod(pod);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void imagesAreListedAndRemoved() {
    ImageSpec image = ImageSpec.newBuilder().setImage(Node.IMAGE).build();
    assertEquals(
        1, node.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesCount());
    assertTrue(
        node.images()
            .imageStatus(ImageStatusRequest.newBuilder().setImage(image).build())
            .getImage()
            .getRepoTagsList()
            .contains(Node.IMAGE));
    assertFalse(
        node.images()
            .imageFsInfo(ImageFsInfoRequest.getDefaultInstance())
            .getImageFilesystemsList()
            .isEmpty());
    node.images().removeImage(RemoveImageRequest.newBuilder().setImage(image).build());
    assertFalse(
        node.images()
            .imageStatus(ImageStatusRequest.newBuilder().setImage(image).build())
            .hasImage());
  }
}
