package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.PodIP;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxNetworkStatus;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Addresses of both families and limits of traffic, by the real plugins, from a pod's request. */
@Tag("real")
class NetworkCapabilitiesTest {
  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @BeforeEach
  void start() throws Exception {
    Files.writeString(
        node.folder().resolve("net.d/10-scenario.conflist"),
        """
        {"cniVersion": "0.4.0", "name": "%1$s", "plugins": [
          {"type": "bridge", "bridge": "%1$s", "isGateway": true,
           "ipam": {"type": "host-local", "dataDir": "%3$s/ipam",
                    "ranges": [[{"subnet": "%2$s.0/24"}], [{"subnet": "fd13:%4$s::/64"}]],
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
          {"type": "portmap", "capabilities": {"portMappings": true}},
          {"type": "bandwidth", "capabilities": {"bandwidth": true}}]}
        """
            .formatted(
                node.name(),
                node.subnet(),
                node.folder(),
                Long.toHexString(ProcessHandle.current().pid() & 0xffff)));
    node.start();
  }

  @AfterEach
  void close() {
    node.close();
  }

  private static PodSandboxConfig limited(PodSandboxConfig pod, String ingress, String egress) {
    return pod.toBuilder()
        .putAnnotations("kubernetes.io/ingress-bandwidth", ingress)
        .putAnnotations("kubernetes.io/egress-bandwidth", egress)
        .build();
  }

  private String inPod(String pod, String... command) {
    List<String> all =
        new java.util.ArrayList<>(
            List.of("nsenter", "--net=" + node.state().resolve("netns").resolve(pod)));
    all.addAll(List.of(command));
    return Host.run(10, all).expectSuccess();
  }

  private static String queues() {
    return Host.run(10, List.of("tc", "qdisc", "show")).expectSuccess();
  }

  @Test
  void aPodHasAddressesOfBothFamiliesAndTheTrafficItWasGiven() throws Exception {
    assertFalse(queues().contains("rate 12345Kbit"), "a rate that only this test uses");
    String pod = pods.run(limited(pods.config("p"), "12345k", "23456k"));
    PodSandboxNetworkStatus network =
        node.cri()
            .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
            .getStatus()
            .getNetwork();
    assertTrue(network.getIp().startsWith(node.subnet() + "."), network.toString());
    List<String> more = network.getAdditionalIpsList().stream().map(PodIP::getIp).toList();
    assertEquals(1, more.size());
    assertTrue(more.getFirst().startsWith("fd13:"), more.toString());
    String seen = inPod(pod, "ip", "-o", "addr", "show", "eth0");
    assertTrue(seen.contains(network.getIp()) && seen.contains(more.getFirst()), seen);

    assertTrue(queues().contains("rate 12345Kbit"), queues());
    assertTrue(queues().contains("rate 23456Kbit"), queues());

    // A restart forgets nothing that DEL needs: the second family's lease and the limits go too.
    node.killDaemon();
    node.start();
    pods.stopPod(pod);
    pods.removePod(pod);
    assertFalse(queues().contains("rate 12345Kbit"), queues());
    assertFalse(queues().contains("rate 23456Kbit"), queues());
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void aLimitThatIsNoneIsRefusedAndLeavesNothing() {
    for (String bad : List.of("-1", "0", "fast", "1e99", "9".repeat(400))) {
      StatusRuntimeException refused =
          assertThrows(
              StatusRuntimeException.class, () -> pods.run(limited(pods.config("q"), bad, "1M")));
      assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode(), bad);
    }
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void theDoctorTellsOfANetworkThatSomebodyTookAway() throws Exception {
    String pod = pods.run("p");
    String healthy = node.retainctl("doctor").text();
    assertFalse(healthy.contains(pod), healthy);
    inPod(pod, "ip", "link", "del", "eth0");
    String told = node.retainctl("doctor").text();
    assertTrue(told.contains("network") && told.contains(pod), told);
    assertTrue(Files.exists(Path.of(node.state() + "/netns/" + pod)));
    pods.stopPod(pod);
    pods.removePod(pod);
  }
}
