package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The daemon dies while an image is removed with all that was its own: between the record of what
 * is to go and the files, and between the files and the record that they went. The next one
 * finishes, and nothing is half there.
 */
@Tag("real")
class GarbageKilledTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"CONTENT_DELETED_RECORDED", "SNAPSHOT_REMOVE_RECORDED", "SNAPSHOT_FOLDER_REMOVED"})
  void whatWasToGoGoesAtTheNextStart(String point) throws Exception {
    try (Node node = Node.prepared()) {
      node.start("-Dretainerd.failpoint=" + point);
      node.importImage(node.name());
      Host.Output broken = node.ctr("images", "rm", "--sync", Node.IMAGE);
      assertEquals(1, broken.code(), broken.text());
      node.awaitDaemonEnd();
      node.start();
      node.retainctl("--namespace", node.name(), "gc").expectSuccess();
      Eventually.holds(
          "nothing left on the disk",
          PATIENCE,
          () ->
              names(node.root().resolve("snapshots/overlayfs")).isEmpty()
                  && names(node.root().resolve("content/blobs/sha256")).isEmpty());
      assertEquals("", node.ctr("content", "ls", "-q").expectSuccess());
      assertEquals(1, node.ctr("snapshots", "ls").expectSuccess().lines().count());
      node.importImage(node.name());
      assertTrue(
          node.ctr("run", "--rm", Node.IMAGE, "again", "echo", "whole")
              .expectSuccess()
              .contains("whole"));
    }
  }
}
