package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The length at which lines of container logs are cut, as the configuration says it. */
@Tag("real")
class LogLinesTest {
  private static final String CRI = "[plugins.\"io.containerd.grpc.v1.cri\"]";
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  /** The entries of a log as TAG:BYTES. */
  private List<String> entriesOf(int limit, String script) throws IOException {
    Files.writeString(
        node.config(),
        Files.readString(node.config())
            .replace(CRI, CRI + "\n  max_container_log_line_size = " + limit + "\n"));
    node.start();
    node.importImage("k8s.io");
    String container = pods.start(pods.run("p"), "p", "c", script);
    Eventually.holds(
        "the end of the container",
        PATIENCE,
        () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
    return entries();
  }

  private List<String> entries() {
    List<String> entries = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(node.pods().resolve("p").resolve("c.log"))) {
        String[] fields = line.split(" ", 4);
        entries.add(fields[2] + ":" + fields[3].length());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return entries;
  }

  @Test
  void lineLongerThanTheLimitIsSplit() throws Exception {
    assertEquals(
        List.of("P:100", "P:100", "F:50", "F:100", "F:5"),
        entriesOf(100, "printf '%0250d\\n' 7; printf '%0100d\\n' 7; echo short"));
  }

  /** The operator changes it under a running container; the shim's successor goes on with it. */
  @Test
  void limitCanBeChangedUnderARunningContainer() throws Exception {
    node.start();
    node.importImage("k8s.io");
    String line = "printf '%0030d\\n' 7";
    String container =
        pods.start(
            pods.run("p"),
            "p",
            "c",
            line + "; until [ -e /signal/go ]; do sleep 0.02; done; " + line);
    Eventually.holds("a first line", PATIENCE, () -> entries().equals(List.of("F:30")));
    String shown = node.retainctl("-n", "k8s.io", "shim", "log", container).expectSuccess();
    assertTrue(shown.contains(" 16384 ") || shown.contains("16384"), shown);
    node.retainctl("-n", "k8s.io", "shim", "log", "--max-line-bytes", "20", container)
        .expectSuccess();
    assertTrue(
        node.retainctl("-n", "k8s.io", "shim", "log", "--max-files", "1", container)
            .text()
            .contains("max_files is from 2 to 1000"));
    assertTrue(
        node.retainctl("-n", "k8s.io", "shim", "log", "nobody").text().contains("has no task"));
    Host.kill9(Host.parentOf(pods.pid(container)));
    pods.signal("go");
    Eventually.holds(
        "the second line in two parts",
        PATIENCE,
        () -> entries().equals(List.of("F:30", "P:20", "F:10")));
  }

  @Test
  void withoutALimitALineStaysWhole() throws Exception {
    assertEquals(List.of("F:200000", "F:5"), entriesOf(-1, "printf '%0200000d\\n' 7; echo short"));
  }
}
