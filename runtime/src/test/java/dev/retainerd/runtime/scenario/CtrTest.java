package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Debian's own ctr as the client, verb by verb. */
@Tag("real")
class CtrTest {
  private Node node;

  @BeforeEach
  void start() {
    node = Node.started();
    node.importImage(node.name());
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void versionNamesBothSides() {
    String text = node.ctr("version").expectSuccess();
    assertTrue(text.contains("Client:") && text.contains("Server:"), text);
  }

  @Test
  void imagesAndNamespacesAreListed() {
    assertTrue(node.ctr("namespaces", "ls").expectSuccess().contains(node.name()));
    String images = node.ctr("images", "ls").expectSuccess();
    assertTrue(images.contains(Node.IMAGE), images);
    assertTrue(images.contains("linux/amd64"), images);
    assertTrue(images.contains("sha256:"), images);
  }

  @Test
  void runPrintsWhatTheContainerPrintsAndEndsWithItsCode() {
    assertEquals(
        "hello\n", node.ctr("run", "--rm", Node.IMAGE, "c1", "echo", "hello").expectSuccess());
    Host.Output failing = node.ctr("run", "--rm", Node.IMAGE, "c2", "sh", "-c", "echo a; exit 7");
    assertEquals(7, failing.code(), failing.text());
    assertTrue(failing.text().startsWith("a\n"), failing.text());
    assertFalse(node.ctr("containers", "ls").expectSuccess().contains("c1"));
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void runGivesEveryByteOfALongOutput() {
    String text = node.ctr("run", "--rm", Node.IMAGE, "long", "seq", "1", "20000").expectSuccess();
    List<String> lines = text.lines().toList();
    assertEquals(20_000, lines.size());
    assertEquals("20000", lines.getLast());
  }

  @Test
  void detachedContainerIsListedExecutedInKilledAndRemoved() {
    node.ctr("run", "-d", Node.IMAGE, "c1", "sleep", "1000").expectSuccess();
    assertTrue(node.ctr("containers", "ls").expectSuccess().contains("c1"));
    assertTrue(node.ctr("containers", "info", "c1").expectSuccess().contains("\"ID\": \"c1\""));
    String tasks = node.ctr("tasks", "ls").expectSuccess();
    assertTrue(tasks.matches("(?s).*c1\\s+\\d+\\s+RUNNING.*"), tasks);
    assertEquals(
        "in it\n",
        node.ctr("tasks", "exec", "--exec-id", "e1", "c1", "echo", "in it").expectSuccess());
    Host.Output code = node.ctr("tasks", "exec", "--exec-id", "e2", "c1", "sh", "-c", "exit 9");
    assertEquals(9, code.code(), code.text());
    node.ctr("tasks", "kill", "--signal", "SIGKILL", "c1").expectSuccess();
    Eventually.holds(
        "the task shown as stopped",
        Duration.ofSeconds(10),
        () -> node.ctr("tasks", "ls").expectSuccess().contains("STOPPED"));
    node.ctr("tasks", "rm", "c1");
    assertFalse(node.ctr("tasks", "ls").expectSuccess().contains("c1"));
    node.ctr("containers", "rm", "c1").expectSuccess();
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void runWithATerminalHasOne() throws Exception {
    // ctr wants a terminal of its own; script(1) gives it one.
    Host.Output output =
        Host.run(
            60,
            List.of(
                "script",
                "-qec",
                "ctr --address "
                    + node.socket()
                    + " --namespace "
                    + node.name()
                    + " run --rm -t "
                    + Node.IMAGE
                    + " tty sh -c 'tty; stty size'",
                "/dev/null"));
    assertEquals(0, output.code(), output.text());
    assertTrue(
        output.text().contains("/dev/pts/") || output.text().contains("/dev/console"),
        output.text());
  }

  @Test
  void eventsTellTheLifeOfATask() throws IOException {
    Path out = node.folder().resolve("events");
    Process events =
        Host.start(
            out,
            List.of(
                "ctr",
                "--address",
                node.socket().toString(),
                "--namespace",
                node.name(),
                "events"));
    try {
      // The subscription has no answer that says it stands: run containers until one is seen.
      Eventually.holds(
          "the topics of a task's life",
          Duration.ofSeconds(40),
          () -> {
            node.ctr("run", "--rm", Node.IMAGE, "e" + System.nanoTime(), "true").expectSuccess();
            String seen = Files.readString(out);
            return seen.contains("/tasks/create")
                && seen.contains("/tasks/start")
                && seen.contains("/tasks/exit")
                && seen.contains("/tasks/delete");
          });
    } finally {
      events.destroyForcibly();
      try {
        events.waitFor(5, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
