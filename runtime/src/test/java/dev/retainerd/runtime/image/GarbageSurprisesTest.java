package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Case 23, surprises of garbage collection: a pull is given up, one removal fails. The root that
 * holds a blob has a name; the rest is collected.
 */
@Tag("real")
class GarbageSurprisesTest {
  @TempDir Path temp;
  private NodeFixture node;

  @BeforeEach
  void open() throws Exception {
    node = new NodeFixture(Files.createDirectories(temp.resolve("root")));
  }

  @AfterEach
  void close() {
    node.close();
  }

  private static void run(String... command) throws Exception {
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
  }

  @Test
  void ofAPullThatFailedNothingIsLeftAndNothingElseIsTouched() throws Exception {
    TestImage good =
        new TestImage().layer(new TarBuilder().file("shared", "s".repeat(5000)).build());
    TestImage bad =
        new TestImage()
            .layer(new TarBuilder().file("shared", "s".repeat(5000)).build())
            .layer(new TarBuilder().file("other", "o".repeat(5000)).build());
    try (DockerRegistry registry =
        new DockerRegistry(Files.createDirectories(temp.resolve("registry")))) {
      registry.push("good", "1", good);
      // The config promises another layer than there is: the pull fails when it has fetched all.
      bad.diffIds.set(1, "sha256:" + "1".repeat(64));
      registry.push("bad", "1", bad);
      String name = registry.host + "/good:1";
      node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, "");
      assertThrows(
          Refusal.class,
          () ->
              node.images.pull(
                  NodeFixture.ORIGIN, registry.host + "/bad:1", Credentials.ANONYMOUS, ""));
      node.garbage.collect(NodeFixture.ORIGIN, "k8s.io");

      String shared = Digest.of(good.layers.getFirst()).toString();
      List<List<String>> chains = node.garbage.holders("k8s.io", shared).orElseThrow();
      assertTrue(
          chains.stream().anyMatch(chain -> chain.getFirst().equals("image " + name)),
          chains.toString());
      String other = Digest.of(bad.layers.get(1)).toString();
      assertTrue(node.garbage.holders("k8s.io", other).isEmpty());
      assertEquals(3, node.content.list("k8s.io").size(), "manifest, config, layer");
      assertEquals(1, node.snapshots.list("k8s.io").size());
      assertEquals(1, node.folders.list().size());
    }
  }

  /** Another collection may have looked just before the name went: it must not be all there is. */
  @Test
  void whatLostItsNameDuringAnotherCollectionIsCollectedWhenItsOwnEnds() throws Exception {
    Scope scope = NodeFixture.scope("one");
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger others = new AtomicInteger();
    Thread schedule =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!over.get()) {
                    node.garbage.collect(
                        NodeFixture.ORIGIN, "one", GarbageCollector.Cause.SCHEDULE);
                    others.incrementAndGet();
                  }
                });
    try {
      for (int i = 0; i < 300; i++) {
        Digest blob;
        try (GarbageCollector.Pause paused = node.garbage.pause()) {
          blob = node.content.put(scope, ("blob " + i).getBytes(StandardCharsets.UTF_8), Map.of());
          node.records.put(
              scope,
              "named",
              Descriptor.newBuilder()
                  .setDigest(blob.toString())
                  .setSize(1)
                  .setMediaType(MediaTypes.OCI_MANIFEST)
                  .build(),
              Map.of());
        }
        node.records.delete(scope, "named");
        node.garbage.collect(NodeFixture.ORIGIN, "one", GarbageCollector.Cause.REMOVAL);
        assertTrue(node.content.find("one", blob).isEmpty(), "round " + i + " left its blob");
      }
    } finally {
      over.set(true);
      schedule.join();
    }
    assertTrue(others.get() > 0);
  }

  @Test
  void oneRemovalThatFailsIsRecordedAndTriedAgainAndTheRestIsCollected() throws Exception {
    List<Event.GarbageCollected> told = new ArrayList<>();
    node.journal.addListener(
        (envelope, event) -> {
          if (event instanceof Event.GarbageCollected collected) {
            told.add(collected);
          }
        });
    Scope scope = NodeFixture.scope("one");
    node.snapshots.prepare(scope, "stuck", "", Map.of());
    node.snapshots.prepare(scope, "free", "", Map.of());
    node.content.put(scope, "loose".getBytes(StandardCharsets.UTF_8), Map.of());
    long folder = node.snapshots.stat("one", "stuck").getFolder();
    Path busy = Files.createDirectory(node.folders.files(folder).resolve("busy"));
    run("mount", "-t", "tmpfs", "tmpfs", busy.toString());
    Path moved = node.folders.files(folder).getParent().resolveSibling("gone-" + folder);
    try {
      GarbageCollector.Collected collected = node.garbage.collect(NodeFixture.ORIGIN, "one");
      assertEquals(1, collected.blobs());
      assertEquals(1, collected.snapshots());
      assertEquals(1, collected.failures().size(), collected.failures().toString());
      assertTrue(collected.failures().getFirst().contains("stuck"));
      assertEquals(1, told.getFirst().payload().getFailuresCount());
    } finally {
      run("umount", moved.resolve("fs/busy").toString());
    }
    assertEquals(1, node.garbage.collect(NodeFixture.ORIGIN, "one").snapshots());
    assertEquals(List.of(), node.folders.list());
    assertTrue(!Files.exists(moved));
  }
}
