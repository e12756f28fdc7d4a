package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.history.v1.HistoryEvent;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The snapshotter {@code native}, whole copies for file systems without overlays, as clients use
 * it: containers run on it, a daemon that dies in the middle of making or committing a snapshot
 * leaves nothing half made, and garbage goes.
 */
@Tag("real")
class NativeSnapshotterTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static String committed(Node node) {
    return snapshots(node).lines().filter(l -> l.contains("Committed")).findFirst().orElse("");
  }

  private static String snapshots(Node node) {
    return node.ctr("snapshots", "--snapshotter", "native", "ls").expectSuccess();
  }

  private static Host.Output imported(Node node) {
    return node.ctr("images", "import", "--snapshotter", "native", node.archive().toString());
  }

  private static List<String> folders(Node node) throws IOException {
    List<String> found = new ArrayList<>();
    Path root = node.root().resolve("snapshots").resolve("native");
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      entries.forEach(entry -> found.add(entry.getFileName().toString()));
    }
    return found;
  }

  @Test
  void containersRunOnItAndItsGarbageGoes() throws Exception {
    try (Node node = Node.started()) {
      imported(node).expectSuccess();
      assertTrue(committed(node).startsWith("sha256:"), () -> snapshots(node));
      String said =
          node.ctr(
                  "run",
                  "--rm",
                  "--snapshotter",
                  "native",
                  Node.IMAGE,
                  "copied",
                  "sh",
                  "-c",
                  "echo changed > /bin/added && cat /bin/added && ls /bin/busybox")
              .expectSuccess();
      assertEquals("changed\n/bin/busybox\n", said);
      assertEquals(1, snapshots(node).lines().filter(l -> l.contains("sha256:")).count());
      // What one container wrote is in no other, and not in the image.
      Host.Output other =
          node.ctr("run", "--rm", "--snapshotter", "native", Node.IMAGE, "b", "ls", "/bin/added");
      assertEquals(1, other.code(), other.text());
      // A container's change, committed, is what the next one stands on.
      node.ctr("run", "-d", "--snapshotter", "native", Node.IMAGE, "c", "sleep", "1000")
          .expectSuccess();
      node.ctr("tasks", "exec", "--exec-id", "e", "c", "sh", "-c", "echo kept > /kept")
          .expectSuccess();
      node.killDaemon();
      node.start();
      assertEquals(
          "kept\n",
          node.ctr("tasks", "exec", "--exec-id", "f", "c", "cat", "/kept").expectSuccess());
      node.ctr("tasks", "kill", "-s", "KILL", "c").expectSuccess();
      Eventually.holds(
          "the task has ended", PATIENCE, () -> node.ctr("tasks", "ls").text().contains("STOPPED"));
      node.ctr("tasks", "rm", "c");
      node.ctr("snapshots", "--snapshotter", "native", "commit", "kept", "c").expectSuccess();
      node.ctr("snapshots", "--snapshotter", "native", "prepare", "next", "kept").expectSuccess();
      Path shown = Files.createDirectories(node.folder().resolve("shown"));
      String mount =
          node.ctr("snapshots", "--snapshotter", "native", "mounts", shown.toString(), "next")
              .expectSuccess();
      Host.run(10, List.of("sh", "-c", mount.strip())).expectSuccess();
      assertEquals("kept\n", Files.readString(shown.resolve("kept")));
      Host.run(10, List.of("umount", shown.toString())).expectSuccess();
      node.ctr("containers", "rm", "c");
      node.ctr("snapshots", "--snapshotter", "native", "rm", "next").expectSuccess();
      node.ctr("snapshots", "--snapshotter", "native", "rm", "kept").expectSuccess();
      node.ctr("images", "rm", "--sync", Node.IMAGE).expectSuccess();
      assertEquals(0, snapshots(node).lines().filter(l -> l.contains("sha256:")).count());
      assertEquals(List.of(), folders(node), "the folders went with them");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SNAPSHOT_INTENT_RECORDED",
        "SNAPSHOT_FOLDER_MADE",
        "SNAPSHOT_PREPARED_RECORDED",
        "SNAPSHOT_COMMITTED_RECORDED"
      })
  void aDaemonKilledInTheMiddleLeavesNothingHalfMade(String point) throws Exception {
    try (Node node = Node.prepared()) {
      node.start("-Dretainerd.failpoint=" + point);
      Host.Output broken = imported(node);
      assertEquals(1, broken.code(), broken.text());
      node.awaitDaemonEnd();
      node.start();
      imported(node).expectSuccess();
      assertEquals(
          "hello\n",
          node.ctr("run", "--rm", "--snapshotter", "native", Node.IMAGE, "again", "echo", "hello")
              .expectSuccess());
      node.ctr("images", "rm", "--sync", Node.IMAGE).expectSuccess();
      // What the broken client left belongs to its lease: that goes by itself, or is ended here.
      node.ctr("leases", "ls", "-q")
          .expectSuccess()
          .lines()
          .forEach(lease -> node.ctr("leases", "rm", "--sync", lease).expectSuccess());
      node.retainctl("--namespace", node.name(), "gc").expectSuccess();
      assertEquals(0, snapshots(node).lines().skip(1).count(), () -> snapshots(node));
      assertEquals(List.of(), folders(node));
      List<HistoryEvent> events = new History(node).from(1);
      assertTrue(events.stream().anyMatch(e -> e.getType().equals("SnapshotCommitted")));
    }
  }
}
