package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.RestorePodRequest;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The daemon is killed in the middle of a checkpoint of a pod, or of a restore: no container stands
 * still afterwards, nothing is half made, and all can be asked for again.
 */
@Tag("real")
class PodCheckpointKilledTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Node node;
  private Path work;
  private SavedPods saved;

  @BeforeEach
  void prepare() throws Exception {
    node = Node.prepared();
    work = Files.createDirectories(node.folder().resolve("work"));
    PretendCriu.install(node, work);
    saved = new SavedPods(node, PretendCriu.HANDLER);
  }

  @AfterEach
  void close() {
    node.close();
  }

  /** A checkpoint that the runtime does not go on with while a file is there. */
  private record Held(SavedPods.Pod pod, Path output, Path hold, CompletableFuture<?> call) {}

  private Held held() throws Exception {
    node.start();
    node.importImage("k8s.io");
    SavedPods.Pod pod = saved.run("p", 2);
    Path output = saved.emptyFolder("p");
    Path hold = Files.writeString(work.resolve("hold"), "");
    CompletableFuture<?> call =
        CompletableFuture.supplyAsync(
            () -> node.cri().checkpointPod(saved.checkpoint(pod, output)));
    Eventually.holds("the runtime at work", PATIENCE, () -> Files.exists(work.resolve("held")));
    return new Held(pod, output, hold, call);
  }

  /** With both paused, one of them half written. */
  @Test
  void whileTheRuntimeWrites() throws Exception {
    Held held = held();
    SavedPods.Pod pod = held.pod();
    Path output = held.output();
    CompletableFuture<?> call = held.call();
    node.killDaemon();
    Eventually.holds("its answer", PATIENCE, call::isDone);
    node.start();
    Files.delete(held.hold());
    expectNothingOf(pod, output);
    node.cri().checkpointPod(saved.checkpoint(pod, output));
    restoredAfter(pod, output);
  }

  /** The shim dies instead, with both paused: its successor has them go on. */
  @Test
  void withoutTheShim() throws Exception {
    Held held = held();
    SavedPods.Pod pod = held.pod();
    Path output = held.output();
    CompletableFuture<?> call = held.call();
    long shim = Host.parentOf(new Pods(node).pid(pod.containers().getFirst()));
    Host.run(5, List.of("kill", "-KILL", Long.toString(shim))).expectSuccess();
    Eventually.holds("its answer", PATIENCE, call::isDone);
    assertTrue(call.isCompletedExceptionally());
    Files.delete(held.hold());
    Eventually.holds(
        "its end in the log",
        PATIENCE,
        () -> !new History(node).sentences(1, "SandboxCheckpointFailed").isEmpty());
    expectNothingOf(pod, output);
    saved.remove(pod.id());
  }

  private void restoredAfter(SavedPods.Pod pod, Path output) {
    saved.remove(pod.id());
    String again =
        node.cri()
            .restorePod(saved.restore(pod.name(), pod.containers().size(), output))
            .getPodSandboxId();
    saved.remove(again);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  private void expectNothingOf(SavedPods.Pod pod, Path output) {
    saved.expectRunning(pod);
    assertEquals(List.of(), SavedPods.names(output));
    node.retainctl("doctor").expectSuccess();
    List<String> why = new History(node).sentences(1, "SandboxCheckpointFailed");
    assertEquals(1, why.size(), why.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"POD_CHECKPOINT_PAUSED:1", "POD_CHECKPOINT_WRITTEN"})
  void atABoundary(String point) {
    killedAt(point);
  }

  @Tag("soak")
  @ParameterizedTest
  @ValueSource(strings = {"POD_CHECKPOINT_INTENT_RECORDED", "POD_CHECKPOINT_PAUSED:2"})
  void atOtherBoundaries(String point) {
    killedAt(point);
  }

  private void killedAt(String point) {
    node.start("-Dretainerd.failpoint=" + point);
    node.importImage("k8s.io");
    SavedPods.Pod pod = saved.run("p", 2);
    Path output = saved.emptyFolder("p");
    assertThrows(
        StatusRuntimeException.class,
        () -> node.cri().checkpointPod(saved.checkpoint(pod, output)));
    node.awaitDaemonEnd();
    node.start();
    expectNothingOf(pod, output);
    saved.remove(pod.id());
  }

  @ParameterizedTest
  @ValueSource(strings = {"POD_RESTORE_CONTAINER_MADE:1"})
  void inARestore(String point) {
    restoreKilledAt(point);
  }

  @Tag("soak")
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SANDBOX_NETWORK_ADDED:2",
        "POD_RESTORE_POD_MADE",
        "CONTAINER_FOLDER_MADE:3",
        "POD_RESTORE_CONTAINER_MADE:2"
      })
  void elsewhereInARestore(String point) {
    restoreKilledAt(point);
  }

  private void restoreKilledAt(String point) {
    node.start("-Dretainerd.failpoint=" + point);
    node.importImage("k8s.io");
    SavedPods.Pod pod = saved.run("p", 2);
    Path output = saved.emptyFolder("p");
    node.cri().checkpointPod(saved.checkpoint(pod, output));
    saved.remove(pod.id());
    List<String> files = SavedPods.names(output);
    RestorePodRequest request = saved.restore("p", 2, output);
    assertThrows(StatusRuntimeException.class, () -> node.cri().restorePod(request));
    node.awaitDaemonEnd();
    node.start();
    saved.expectPods();
    assertEquals(files, SavedPods.names(output));
    node.retainctl("doctor").expectSuccess();
    saved.remove(node.cri().restorePod(request).getPodSandboxId());
    node.stopDaemon();
    node.expectNothingLeft();
  }
}
