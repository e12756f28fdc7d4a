package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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
  private static final int COPIED_FILES = 8_000;

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

  /** The daemon's root lies on an overlay, as in a container: overlayfs does not stack there. */
  @Test
  void podsUseItWhereTheRootCannotCarryOverlays() throws Exception {
    try (Node node = Node.prepared()) {
      for (Path part : List.of(node.root(), node.folder().resolve("upper"))) {
        Files.createDirectories(part);
      }
      Path work = Files.createDirectories(node.folder().resolve("work"));
      String data =
          "lowerdir=%1$s,upperdir=%2$s,workdir=%3$s"
              .formatted(
                  Files.createDirectories(node.folder().resolve("lower")),
                  node.folder().resolve("upper"),
                  work);
      Host.run(10, List.of("mount", "-t", "overlay", "-o", data, "overlay", node.root().toString()))
          .expectSuccess();
      node.start();
      assertTrue(Files.readString(node.log()).contains("images are unpacked as whole copies"));
      node.ctrIn("k8s.io", "images", "import", "--snapshotter", "native", node.archive().toString())
          .expectSuccess();
      Pods pods = new Pods(node);
      String pod = pods.run("whole");
      String id = pods.create(pod, "whole", "whole", "echo here > /written; sleep 1000");
      pods.start(id);
      Path written = node.root().resolve("snapshots").resolve("native");
      Eventually.holds(
          "what the container wrote, in a copy of its own",
          PATIENCE,
          () -> {
            try (Stream<Path> all = Files.walk(written, 3)) {
              return all.anyMatch(path -> path.endsWith("fs/written"));
            }
          });
      node.killDaemon();
      node.start();
      String said =
          node.cri()
              .execSync(
                  ExecSyncRequest.newBuilder()
                      .setContainerId(id)
                      .addAllCmd(List.of("cat", "/written"))
                      .build())
              .getStdout()
              .toStringUtf8();
      assertEquals("here\n", said);
      pods.stop(id, 0);
      pods.remove(id);
      pods.stopPod(pod);
      pods.removePod(pod);
      assertEquals(1, folders(node).size(), "the image is left");
    }
  }

  /** The copy of a parent is what takes long: the daemon is killed in the middle of one. */
  @Test
  void aDaemonKilledInTheMiddleOfACopyLeavesNoneAndTheNextIsWhole() throws Exception {
    try (Node node = Node.started()) {
      Path root = node.root().resolve("snapshots").resolve("native");
      node.ctr("snapshots", "--snapshotter", "native", "prepare", "filled", "").expectSuccess();
      Path files = root.resolve(folders(node).getFirst()).resolve("fs");
      for (int i = 0; i < COPIED_FILES; i++) {
        Path folder = Files.createDirectories(files.resolve("d" + i % 50));
        Files.writeString(folder.resolve("f" + i), "content of " + i);
      }
      node.ctr("snapshots", "--snapshotter", "native", "commit", "base", "filled").expectSuccess();
      String base = folders(node).getFirst();
      CompletableFuture<Host.Output> prepared =
          CompletableFuture.supplyAsync(
              () -> node.ctr("snapshots", "--snapshotter", "native", "prepare", "next", "base"));
      Eventually.holds("a copy that is under way", PATIENCE, () -> copied(root, base) > 20);
      node.killDaemon();
      assertEquals(1, prepared.get(30, TimeUnit.SECONDS).code(), "the copy was not over");
      long half = copied(root, base);
      assertTrue(half < COPIED_FILES, half + " files had been copied");
      node.start();
      assertFalse(snapshots(node).contains("next"), () -> snapshots(node));
      Eventually.holds("the half copy gone", PATIENCE, () -> folders(node).equals(List.of(base)));
      node.ctr("snapshots", "--snapshotter", "native", "prepare", "next", "base").expectSuccess();
      assertEquals(COPIED_FILES, copied(root, base));
      node.ctr("snapshots", "--snapshotter", "native", "rm", "next").expectSuccess();
      node.ctr("snapshots", "--snapshotter", "native", "rm", "base").expectSuccess();
      assertEquals(List.of(), folders(node));
    }
  }

  /** Files in all folders but that of the snapshot that is copied. */
  private static long copied(Path root, String base) {
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(file -> !file.startsWith(root.resolve(base)) && Files.isRegularFile(file))
          .count();
    } catch (IOException | UncheckedIOException e) {
      return 0; // it changes under our eyes
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
