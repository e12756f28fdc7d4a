package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 11: a create whose deadline passed while something hung, and its retry; the peers answer
 * "name is reserved for" until somebody cleans up by hand.
 */
@Tag("real")
class NameIsReservedTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

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

  private void askWithOneSecond() {
    StatusRuntimeException late =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                node.cri()
                    .withDeadlineAfter(1, TimeUnit.SECONDS)
                    .runPodSandbox(
                        RunPodSandboxRequest.newBuilder().setConfig(pods.config("p")).build()));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, late.getStatus().getCode());
  }

  @Test
  void theRetryJoinsTheOperationThatHangs() throws Exception {
    plugin.hang();
    askWithOneSecond();
    String made =
        node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItems(0).getId();
    CompletableFuture<String> retry = CompletableFuture.supplyAsync(() -> pods.run("p"));
    Eventually.holds("the hanging plugin", PATIENCE, plugin::isHanging);
    String explained = node.retainctl("explain", made).expectSuccess();
    assertTrue(explained.contains("is being created"), explained);
    plugin.release();
    assertEquals(made, retry.get(30, TimeUnit.SECONDS));
    assertEquals(
        1, node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsCount());
    // The retry got its answer: one more of the same is a mistake.
    StatusRuntimeException taken = assertThrows(StatusRuntimeException.class, () -> pods.run("p"));
    assertEquals(Status.Code.ALREADY_EXISTS, taken.getStatus().getCode());
    pods.removePod(made);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void theNameOfADeadOperationIsFreeAfterARestart() {
    plugin.hang();
    askWithOneSecond();
    String dead =
        node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItems(0).getId();
    node.killDaemon();
    plugin.release();
    node.start();
    String pod = pods.run("p");
    assertNotEquals(dead, pod);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }
}
