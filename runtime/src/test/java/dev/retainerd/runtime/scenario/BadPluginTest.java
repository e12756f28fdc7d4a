package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.RuntimeCondition;
import dev.retainerd.wire.cri.v1.StatusRequest;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A CNI plugin that prints garbage or fails, and a configuration that goes and comes. */
@Tag("real")
class BadPluginTest {
  private Node node;
  private Pods pods;
  private OddPlugin plugin;

  @BeforeEach
  void start() {
    node = Node.prepared();
    pods = new Pods(node);
    plugin = OddPlugin.install(node);
    node.start();
  }

  @AfterEach
  void close() {
    plugin.release();
    node.close();
  }

  private void expectNoPod(String word) {
    StatusRuntimeException refusal =
        assertThrows(StatusRuntimeException.class, () -> pods.run("p"));
    assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
    assertTrue(!refusal.getMessage().contains("\n"), refusal.getMessage());
    assertEquals(
        0, node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsCount());
  }

  @Test
  void garbageAndFailuresOfAddLeaveNothingAndTheNextOneWorks() {
    plugin.printGarbage("ADD");
    expectNoPod("not { json");
    plugin.release();
    plugin.fail("ADD");
    expectNoPod("the switch is on fire");
    plugin.release();
    pods.removePod(pods.run("p"));
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** A pod that could be neither made nor unmade can be removed as soon as its network lets it. */
  @Test
  void anAddAndItsDelThatFailLeaveAPodThatCanBeRemoved() {
    plugin.fail("ADD");
    plugin.fail("DEL");
    assertThrows(StatusRuntimeException.class, () -> pods.run("p"));
    List<PodSandbox> left =
        node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList();
    assertEquals(1, left.size());
    assertEquals(PodSandboxState.SANDBOX_NOTREADY, left.getFirst().getState());
    String pod = left.getFirst().getId();
    StatusRuntimeException refusal =
        assertThrows(StatusRuntimeException.class, () -> pods.stopPod(pod));
    assertTrue(refusal.getMessage().contains("the switch is on fire"), refusal.getMessage());
    plugin.release();
    pods.stopPod(pod);
    pods.removePod(pod);
    pods.removePod(pods.run("p"));
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void aDelThatFailsIsToldAndDoneByTheNextStop() {
    String pod = pods.run("p");
    plugin.fail("DEL");
    StatusRuntimeException refusal =
        assertThrows(StatusRuntimeException.class, () -> pods.stopPod(pod));
    assertTrue(refusal.getMessage().contains("the switch is on fire"), refusal.getMessage());
    plugin.release();
    pods.stopPod(pod);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void networkReadyFollowsTheFolder() throws Exception {
    Path file = node.folder().resolve("net.d/10-scenario.conflist");
    Path aside = node.folder().resolve("aside");
    assertTrue(network().getStatus());
    Files.move(file, aside);
    Eventually.holds("no network", Duration.ofSeconds(5), () -> !network().getStatus());
    assertEquals("NetworkPluginNotReady", network().getReason());
    Files.move(aside, file);
    Eventually.holds("a network", Duration.ofSeconds(5), () -> network().getStatus());
  }

  private RuntimeCondition network() {
    return node
        .cri()
        .status(StatusRequest.getDefaultInstance())
        .getStatus()
        .getConditionsList()
        .stream()
        .filter(c -> c.getType().equals("NetworkReady"))
        .findFirst()
        .orElseThrow();
  }
}
