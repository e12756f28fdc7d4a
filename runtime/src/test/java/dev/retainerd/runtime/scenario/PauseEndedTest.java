package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatusResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A pod whose containers share a pid namespace has lost it when the process that holds it ends,
 * whoever ended it. A kubelet has to see that, or it starts containers there for ever.
 */
@Tag("real")
class PauseEndedTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String SLEEP = "while :; do sleep 0.2; done";

  private static PodSandboxStatusResponse status(Node node, String pod) {
    return node.cri()
        .podSandboxStatus(
            PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).setVerbose(true).build());
  }

  private static JsonObject info(Node node, String pod) {
    return JsonParser.parseString(status(node, pod).getInfoOrThrow("info")).getAsJsonObject();
  }

  private static void awaitNotReady(Node node, String pod) {
    Eventually.holds(
        "the pod is not ready",
        PATIENCE,
        () -> status(node, pod).getStatus().getState() == PodSandboxState.SANDBOX_NOTREADY);
  }

  private static boolean isLeased(Node node, String address) {
    return Files.exists(node.folder().resolve("ipam").resolve(node.name()).resolve(address));
  }

  @Test
  void aPodThatLosesItIsNotReadyKeepsItsAddressAndIsStoppedAsUsual() {
    try (Node node = Node.started()) {
      node.importImage("k8s.io");
      Pods pods = new Pods(node);
      PodSandboxConfig config = pods.config("p", NamespaceMode.POD);
      String pod = pods.run(config);
      String inside = pods.create(pod, config, "inside", SLEEP);
      pods.start(inside);
      PodSandboxConfig apart = pods.config("p", NamespaceMode.CONTAINER);
      String beside = pods.create(pod, apart, "beside", SLEEP);
      pods.start(beside);
      String address = status(node, pod).getStatus().getNetwork().getIp();
      assertEquals("running", info(node, pod).get("processStatus").getAsString());

      Host.kill9(info(node, pod).get("pid").getAsLong());
      awaitNotReady(node, pod);
      Eventually.holds(
          "the end of what lived in the namespace",
          PATIENCE,
          () -> pods.status(inside).getState() == ContainerState.CONTAINER_EXITED);
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(beside).getState());
      assertTrue(isLeased(node, address), "its address is its own until it is stopped");
      assertEquals(address, status(node, pod).getStatus().getNetwork().getIp());
      StatusRuntimeException refused =
          assertThrows(StatusRuntimeException.class, () -> pods.create(pod, config, "late", SLEEP));
      assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
      String why = node.retainctl("explain", inside).expectSuccess();
      assertTrue(why.contains("pid namespace of its pod"), why);

      // Nobody asked for its stop: a start of the daemon does not stop it either.
      node.killDaemon();
      node.start();
      assertEquals(PodSandboxState.SANDBOX_NOTREADY, status(node, pod).getStatus().getState());
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(beside).getState());
      assertTrue(isLeased(node, address));

      pods.stopPod(pod);
      assertTrue(!isLeased(node, address));
      pods.removePod(pod);
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }

  @Test
  void itsEndWhileNoDaemonRunsIsSeenByTheNext() {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      String pod = pods.run(pods.config("p", NamespaceMode.POD));
      String whole = pods.run(pods.config("q", NamespaceMode.POD));
      long pause = info(node, pod).get("pid").getAsLong();
      node.killDaemon();
      Host.kill9(pause);
      node.start();
      awaitNotReady(node, pod);
      assertEquals(PodSandboxState.SANDBOX_READY, status(node, whole).getStatus().getState());
      List.of(pod, whole).forEach(pods::removePod);
    }
  }

  @Test
  void aNetworkNamespaceThatSomebodyUnmountedIsShownAsClosed() throws Exception {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      String pod = pods.run("p");
      assertTrue(!info(node, pod).get("netNamespaceClosed").getAsBoolean());
      Path pin = Path.of(info(node, pod).get("networkNamespace").getAsString());
      Host.run(10, List.of("umount", "-l", pin.toString())).expectSuccess();
      assertTrue(info(node, pod).get("netNamespaceClosed").getAsBoolean());
      Files.delete(pin);
      assertTrue(info(node, pod).get("netNamespaceClosed").getAsBoolean());
      pods.stopPod(pod);
      pods.removePod(pod);
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }
}
