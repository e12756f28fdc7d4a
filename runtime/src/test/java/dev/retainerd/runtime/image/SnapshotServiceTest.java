package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SnapshotKind;
import dev.retainerd.eventlog.proto.SnapshotPreparingPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.eventlog.proto.SnapshotRemovingPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Mount;
import dev.retainerd.runtime.snapshot.Purpose;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotServiceTest {
  private static final Scope SCOPE = NodeFixture.scope("one");

  @TempDir Path root;
  private NodeFixture node;

  @BeforeEach
  void open() throws IOException {
    node = new NodeFixture(root);
  }

  @AfterEach
  void close() {
    node.close();
  }

  private static Refusal.Code code(Runnable request) {
    return assertThrows(Refusal.class, request::run).code();
  }

  private void committed(String name, String parent) {
    node.snapshots.prepare(SCOPE, "making " + name, parent, Map.of());
    node.snapshots.commit(SCOPE, name, "making " + name, Map.of());
  }

  @Test
  void aChainIsPreparedCommittedAndMounted() throws IOException {
    List<Mount> mounts = node.snapshots.prepare(SCOPE, "a", "", Map.of("x", "y"));
    assertEquals("bind", mounts.get(0).type());
    Files.write(Path.of(mounts.get(0).source()).resolve("file"), new byte[5000]);
    node.snapshots.commit(SCOPE, "base", "a", Map.of());
    assertTrue(node.snapshots.usage("one", "base").bytes() >= 5000);
    assertEquals(2, node.snapshots.usage("one", "base").inodes());
    committed("middle", "base");
    List<Mount> top = node.snapshots.prepare(SCOPE, "top", "middle", Map.of());
    assertEquals("overlay", top.get(0).type());
    String lower =
        top.get(0).options().stream().filter(o -> o.startsWith("lowerdir=")).findFirst().get();
    assertEquals(2, lower.split(":").length);
    assertEquals(List.of("base", "middle", "top"), keys());
    assertEquals(
        SnapshotKind.SNAPSHOT_KIND_COMMITTED, node.snapshots.stat("one", "base").getKind());
    assertEquals(List.of(), node.snapshots.list("two"));
  }

  private List<String> keys() {
    return node.snapshots.list("one").stream().map(SnapshotRecord::getKey).toList();
  }

  @Test
  void refusalsAreContainerds() {
    committed("base", "");
    node.snapshots.prepare(SCOPE, "active", "base", Map.of());
    assertEquals(
        Refusal.Code.ALREADY_EXISTS,
        code(() -> node.snapshots.prepare(SCOPE, "active", "base", Map.of())));
    assertEquals(
        Refusal.Code.NOT_FOUND, code(() -> node.snapshots.prepare(SCOPE, "b", "none", Map.of())));
    assertEquals(
        Refusal.Code.INVALID_ARGUMENT,
        code(() -> node.snapshots.prepare(SCOPE, "b", "active", Map.of())));
    assertEquals(
        Refusal.Code.FAILED_PRECONDITION, code(() -> node.snapshots.remove(SCOPE, "base")));
    assertEquals(
        Refusal.Code.FAILED_PRECONDITION, code(() -> node.snapshots.mounts("one", "base")));
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.snapshots.mounts("one", "none")));
    assertEquals(
        Refusal.Code.ALREADY_EXISTS,
        code(() -> node.snapshots.commit(SCOPE, "base", "active", Map.of())));
    assertEquals(
        Refusal.Code.FAILED_PRECONDITION,
        code(() -> node.snapshots.commit(SCOPE, "other", "base", Map.of())));
    node.snapshots.view(SCOPE, "view", "base", Map.of());
    assertEquals(
        Refusal.Code.FAILED_PRECONDITION,
        code(() -> node.snapshots.commit(SCOPE, "other", "view", Map.of())));
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.snapshots.remove(SCOPE, "none")));
    assertEquals(
        Refusal.Code.INVALID_ARGUMENT, code(() -> node.snapshots.prepare(SCOPE, "", "", Map.of())));
  }

  @Test
  void removalTakesTheFolderAndTheNumberIsNotUsedAgain() throws IOException {
    node.snapshots.prepare(SCOPE, "a", "", Map.of());
    long first = node.snapshots.stat("one", "a").getFolder();
    node.snapshots.remove(SCOPE, "a");
    assertEquals(List.of(), node.folders.list());
    SnapshotService restarted = new SnapshotService(node.journal, node.folders);
    restarted.prepare(SCOPE, "a", "", Map.of());
    assertNotEquals(first, restarted.stat("one", "a").getFolder());
  }

  @Test
  void recoveryUndoesWhatWasBeingMadeAndFinishesRemovals() throws IOException {
    committed("base", "");
    SnapshotRecord half =
        SnapshotRecord.newBuilder()
            .setSnapshotter(SnapshotService.SNAPSHOTTER)
            .setKey("half")
            .setKind(SnapshotKind.SNAPSHOT_KIND_ACTIVE)
            .setFolder(4711)
            .build();
    node.journal.commit(
        NodeFixture.ORIGIN,
        "one",
        new Event.SnapshotPreparing(
            SnapshotPreparingPayload.newBuilder().setSnapshot(half).build()));
    node.folders.make(4711, Purpose.ACTIVE, Optional.empty());
    node.folders.make(4712, Purpose.ACTIVE, Optional.empty());
    node.snapshots.prepare(SCOPE, "going", "", Map.of());
    node.journal.commit(
        NodeFixture.ORIGIN,
        "one",
        new Event.SnapshotRemoving(
            SnapshotRemovingPayload.newBuilder()
                .setSnapshotter(SnapshotService.SNAPSHOTTER)
                .setKey("going")
                .build()));
    node.snapshots.prepare(SCOPE, "active", "base", Map.of());
    node.folders.remove(node.snapshots.stat("one", "active").getFolder());

    assertEquals(2, node.snapshots.recover(NodeFixture.ORIGIN));

    assertEquals(List.of("active", "base"), keys());
    assertEquals(
        List.of(
            node.snapshots.stat("one", "base").getFolder(),
            node.snapshots.stat("one", "active").getFolder()),
        node.folders.list().stream().sorted().toList());
    node.snapshots.prepare(SCOPE, "half", "", Map.of());
  }

  @Test
  void whatNothingHoldsIsCollectedAndRootsStay() {
    committed("base", "");
    committed("top", "base");
    node.snapshots.prepare(SCOPE, "rooted", "base", Map.of("containerd.io/gc.root", "2026"));
    node.snapshots.prepare(SCOPE, "loose", "top", Map.of());
    assertEquals(2, node.garbage.collect(NodeFixture.ORIGIN, "one").snapshots());
    assertEquals(List.of("base", "rooted"), keys());
    assertFalse(node.snapshots.isCommitted("one", "top"));
  }
}
