package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A command ends and leaves a process behind that holds its output. How long ExecSync waits then is
 * a setting, drain_exec_sync_io_timeout.
 */
@Tag("real")
class ExecOutputHeldTest {
  private static final String SLEEPER = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

  private static ExecSyncRequest request(String id, String script) {
    return ExecSyncRequest.newBuilder()
        .setContainerId(id)
        .addAllCmd(List.of("/bin/sh", "-c", script))
        .setTimeout(10)
        .build();
  }

  private static boolean noExecsLeft(Node node) {
    try (var files = Files.list(node.state().resolve("exec"))) {
      return files.findAny().isEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aSetTimePasses() throws Exception {
    try (Node node = Node.prepared()) {
      Files.writeString(
          node.config(),
          Files.readString(node.config())
              .replace(
                  "  sandbox_image", "  drain_exec_sync_io_timeout = \"2s\"\n  sandbox_image"));
      node.start();
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String id = pods.start(pods.run("p"), "p", "c", SLEEPER);

      long from = System.nanoTime();
      StatusRuntimeException held =
          assertThrows(
              StatusRuntimeException.class,
              () -> node.cri().execSync(request(id, "sleep 4242 & echo said")));
      Duration took = Duration.ofNanos(System.nanoTime() - from);
      assertEquals(Status.Code.UNKNOWN, held.getStatus().getCode());
      assertTrue(held.getMessage().contains("failed to drain exec process"), held.getMessage());
      assertTrue(took.toMillis() >= 2000 && took.toMillis() < 8000, took.toString());
      // It is the output that is given up, not the process.
      assertTrue(
          node.cri().execSync(request(id, "ps")).getStdout().toStringUtf8().contains("4242"));
      assertTrue(noExecsLeft(node));

      ExecSyncResponse late = node.cri().execSync(request(id, "(sleep 0.5; echo late) & echo now"));
      assertEquals("now\nlate\n", late.getStdout().toStringUtf8());
      assertEquals(0, late.getExitCode());
    }
  }

  @Test
  void withoutOneItEndsWithTheOutputOrWithItsCaller() {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String id = pods.start(pods.run("p"), "p", "c", SLEEPER);

      ExecSyncResponse late = node.cri().execSync(request(id, "(sleep 3; echo late) & exit 7"));
      assertEquals("late\n", late.getStdout().toStringUtf8());
      assertEquals(7, late.getExitCode());

      StatusRuntimeException gone =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  node.cri()
                      .withDeadlineAfter(1, TimeUnit.SECONDS)
                      .execSync(request(id, "sleep 4242 &")));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, gone.getStatus().getCode());
      Eventually.holds("no exec left", Duration.ofSeconds(10), () -> noExecsLeft(node));
    }
  }

  @Test
  void aCommandWhoseCallerIsGoneIsKilled() {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String id = pods.start(pods.run("p"), "p", "c", SLEEPER);
      assertThrows(
          StatusRuntimeException.class,
          () ->
              node.cri()
                  .withDeadlineAfter(1, TimeUnit.SECONDS)
                  .execSync(request(id, "exec sleep 4243")));
      Eventually.holds(
          "the end of the command",
          Duration.ofSeconds(10),
          () ->
              !node.cri().execSync(request(id, "ps")).getStdout().toStringUtf8().contains("4243"));
    }
  }
}
