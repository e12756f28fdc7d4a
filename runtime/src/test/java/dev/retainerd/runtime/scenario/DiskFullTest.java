package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 13, the disk is full and nothing can even be deleted: root lies on a small disk of the
 * test's own, which is filled to the last block. Exits, stops and removals go on and are recorded;
 * what makes something new is refused with RESOURCE_EXHAUSTED and a sentence, also after a kill of
 * the daemon on the full disk; and when there is space again all goes on.
 */
@Tag("real")
class DiskFullTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String WAITING = "until [ -e /signal/%s ]; do sleep 0.02; done; exit %d";

  private Node node;
  private Pods pods;
  private Untouched container;
  private String pod;

  @BeforeEach
  void start() throws IOException {
    node = Node.prepared();
    pods = new Pods(node);
    Path image = node.folder().resolve("disk.img");
    Files.createDirectories(node.root());
    run("truncate", "-s", "640M", image.toString());
    run("mkfs.ext4", "-q", "-m", "0", image.toString());
    run("mount", "-o", "loop", image.toString(), node.root().toString());
    node.start();
    node.importImage("k8s.io");
    container = Untouched.start(pods);
    pod = pods.run("p");
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void exitsStopsAndRemovalsGoOnAndCreatesAreRefused() throws IOException {
    String exits = pods.start(pod, "p", "exits", WAITING.formatted("first", 42));
    String exitsLater = pods.start(pod, "p", "later", WAITING.formatted("second", 43));
    String stopped = pods.start(pod, "p", "stopped", Pods.COUNTER);
    String removed = pods.start(pod, "p", "removed", "exit 5");
    Eventually.holds("an exit", PATIENCE, () -> exited(removed));
    fill();
    expectRefused();
    pods.signal("first");
    expectExit(exits, 42);
    pods.stop(stopped, 10);
    expectExit(stopped, 3);
    pods.remove(removed);
    assertThrows(StatusRuntimeException.class, () -> pods.status(removed));
    expectRefused();
    container.expectKnown();

    node.killDaemon();
    pods.signal("second");
    container.expectRunning();
    node.start();
    expectExit(exitsLater, 43);
    expectExit(exits, 42);
    expectExit(stopped, 3);
    expectRefused();
    pods.remove(stopped);
    container.expectKnown();

    Files.delete(filler());
    Eventually.holds(
        "a container again",
        PATIENCE,
        () -> pods.pid(pods.start(pod, "p", "again" + System.nanoTime(), "sleep 1000")) > 0);
    container.expectOwnExit();
    node.stopDaemon();
    String verified = node.rewind("verify", node.root().toString()).expectSuccess();
    assertTrue(verified.contains("whole: "), verified);
  }

  private void expectRefused() {
    StatusRuntimeException ofPod = assertThrows(StatusRuntimeException.class, () -> pods.run("q"));
    StatusRuntimeException ofContainer =
        assertThrows(StatusRuntimeException.class, () -> pods.create(pod, "p", "new", "true"));
    for (StatusRuntimeException refused : List.of(ofPod, ofContainer)) {
      assertEquals(
          Status.Code.RESOURCE_EXHAUSTED, refused.getStatus().getCode(), refused.getMessage());
      String sentence = refused.getStatus().getDescription();
      assertTrue(sentence.contains("full") && sentence.contains("free some space"), sentence);
    }
    Host.Output ctr = node.ctr("run", "--rm", Node.IMAGE, "c", "true");
    assertTrue(ctr.code() != 0, ctr.text());
  }

  private void expectExit(String id, int code) {
    Eventually.holds("the exit of " + id, PATIENCE, () -> exited(id));
    assertEquals(code, pods.status(id).getExitCode());
  }

  private boolean exited(String id) {
    return pods.status(id).getState() == ContainerState.CONTAINER_EXITED;
  }

  private Path filler() {
    return node.root().resolve("filler");
  }

  /** Takes every block there is: most of them without writing, the last ones by writing. */
  private void fill() throws IOException {
    long most = node.root().toFile().getUsableSpace() - (8 << 20);
    run("fallocate", "-l", Long.toString(most), filler().toString());
    byte[] piece = new byte[1 << 20];
    for (int size = piece.length; size > 0; size /= 2) {
      try (OutputStream out = new FileOutputStream(filler().toFile(), true)) {
        while (true) {
          out.write(piece, 0, size);
        }
      } catch (IOException full) {
        assertTrue(full.getMessage().contains("No space left"), full.getMessage());
      }
    }
  }

  private static void run(String... command) {
    Host.run(30, List.of(command)).expectSuccess();
  }
}
