package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.LeaseCreatedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.MemoryLog;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is held, by whom, and what becomes of the rest. */
@Tag("real")
class GarbageCollectorTest {
  private static final String NS = "one";

  @TempDir Path root;
  private NodeFixture node;
  private final List<Event.GarbageCollected> told = new ArrayList<>();

  @BeforeEach
  void open() throws Exception {
    node = new NodeFixture(root);
    node.journal.addListener(
        (envelope, event) -> {
          if (event instanceof Event.GarbageCollected collected) {
            told.add(collected);
          }
        });
  }

  @AfterEach
  void close() {
    node.close();
  }

  private Digest blob(String text, Map<String, String> labels) {
    return node.content.put(NodeFixture.scope(NS), text.getBytes(StandardCharsets.UTF_8), labels);
  }

  private Digest image(String name) {
    Digest layer = blob("layer of " + name, Map.of());
    Digest manifest =
        blob("manifest of " + name, Map.of("containerd.io/gc.ref.content.l.0", layer.toString()));
    node.records.create(
        NodeFixture.scope(NS),
        name,
        Descriptor.newBuilder()
            .setDigest(manifest.toString())
            .setMediaType(MediaTypes.OCI_MANIFEST)
            .setSize(10)
            .build(),
        Map.of());
    return layer;
  }

  private void lease(String id, Map<String, String> labels, String type, String resource) {
    node.journal.commit(
        NodeFixture.ORIGIN,
        NS,
        new Event.LeaseCreated(
            LeaseCreatedPayload.newBuilder().setId(id).putAllLabels(labels).build()),
        new Event.LeaseResourceAdded(
            LeaseResourceAddedPayload.newBuilder()
                .setId(id)
                .setResourceType(type)
                .setResourceId(resource)
                .build()));
  }

  @Test
  void aDryRunNamesWhatTheCollectionThenTakes() {
    image("kept");
    Digest loose = blob("loose", Map.of());
    node.snapshots.prepare(NodeFixture.scope(NS), "active", "", Map.of());
    GarbageCollector.Collected dry = node.garbage.look(NS);
    assertEquals(
        List.of("snapshot overlayfs/active", "content " + loose),
        dry.items().stream().map(item -> item.kind() + " " + item.id()).toList());
    assertTrue(node.content.find(NS, loose).isPresent(), "a dry run removes nothing");
    assertEquals(List.of(), told);

    GarbageCollector.Collected real = node.garbage.collect(NodeFixture.ORIGIN, NS);
    assertEquals(List.copyOf(dry.items()), real.items());
    assertEquals(List.of(), node.garbage.look(NS).items());
    assertEquals(1, told.size());
    assertEquals("asked", told.getFirst().payload().getCause());
    assertEquals(1, told.getFirst().payload().getBlobs());
    assertEquals(1, told.getFirst().payload().getSnapshots());
  }

  @Test
  void chainsNameEveryRootOfABlob() {
    Digest layer = image("first");
    lease("l1", Map.of(), "content", layer.toString());
    List<List<String>> chains = node.garbage.holders(NS, layer.toString()).orElseThrow();
    assertEquals(2, chains.size());
    assertTrue(
        chains.stream().anyMatch(c -> c.getFirst().equals("image first") && c.size() == 3),
        chains.toString());
    assertTrue(chains.contains(List.of("lease l1", "content " + layer)), chains.toString());
    assertEquals(
        List.of(), node.garbage.holders(NS, blob("loose", Map.of()).toString()).orElseThrow());
    assertTrue(node.garbage.holders(NS, "sha256:" + "0".repeat(64)).isEmpty());
  }

  @Test
  void anExpiredLeaseHoldsNothingAndGoesItself() {
    Digest held = blob("held", Map.of());
    Digest let = blob("let", Map.of());
    String past = Instant.now().minusSeconds(5).toString();
    String future = Instant.now().plusSeconds(500).toString();
    lease("over", Map.of("containerd.io/gc.expire", past), "content", let.toString());
    lease("on", Map.of("containerd.io/gc.expire", future), "content", held.toString());
    node.garbage.collect(NodeFixture.ORIGIN, NS);
    assertTrue(node.content.find(NS, held).isPresent());
    assertTrue(node.content.find(NS, let).isEmpty());
    assertTrue(node.journal.state().get(Kind.LEASE.key(NS, "over")).isEmpty());
    assertTrue(node.journal.state().get(Kind.LEASE.key(NS, "on")).isPresent());
  }

  @Test
  void parentsGoAfterTheirChildrenInOneCollection() {
    var scope = NodeFixture.scope(NS);
    node.snapshots.prepare(scope, "a", "", Map.of());
    node.snapshots.commit(scope, "lower", "a", Map.of());
    node.snapshots.prepare(scope, "b", "lower", Map.of());
    node.snapshots.commit(scope, "upper", "b", Map.of());
    node.snapshots.prepare(scope, "kept", "lower", Map.of("containerd.io/gc.root", "now"));
    assertEquals(1, node.garbage.collect(NodeFixture.ORIGIN, NS).snapshots());
    assertTrue(node.snapshots.isCommitted(NS, "lower"));
    node.snapshots.remove(scope, "kept");
    assertEquals(1, node.garbage.collect(NodeFixture.ORIGIN, NS).snapshots());
    assertEquals(List.of(), node.snapshots.list(NS));
  }

  @Test
  void manyThingsGoWithTwoWaitsForTheDisk() throws Exception {
    MemoryLog log = new MemoryLog();
    Journal journal = new Journal(log, NodeState.inMemory(), (sequence, deltas) -> {});
    try (NodeFixture many =
        new NodeFixture(root.resolve("many"), journal, RegistryHosts.of(List.of()))) {
      Scope scope = NodeFixture.scope(NS);
      String parent = "";
      for (int i = 0; i < 64; i++) {
        many.content.put(scope, ("blob " + i).getBytes(StandardCharsets.UTF_8), Map.of());
        many.snapshots.prepare(scope, "active" + i, parent, Map.of());
        parent = "layer" + i;
        many.snapshots.commit(scope, parent, "active" + i, Map.of());
      }
      int before = log.forces();
      GarbageCollector.Collected gone = many.garbage.collect(NodeFixture.ORIGIN, NS);
      assertEquals(64, gone.blobs());
      assertEquals(64, gone.snapshots());
      assertEquals(2, log.forces() - before, "what is to go, and what went");
      assertEquals(List.of(), many.folders.list());
      assertEquals(List.of(), many.store.list());
    }
  }

  /** Between the look and the record somebody may take hold of a thing, or of another. */
  @Test
  void whatIsHeldByTheTimeOfItsRemovalStays() {
    Digest blob = blob("wanted", Map.of());
    Digest other = blob("loose", Map.of());
    List<GarbageCollector.Item> both = node.garbage.look(NS).items();
    assertEquals(2, both.size());
    long seen = node.journal.state().sequence();
    lease("late", Map.of(), "content", blob.toString());
    Scope scope = NodeFixture.scope(NS);
    try (var removal =
        new GarbageRemoval(node.journal, node.content, List.of(node.snapshots), scope)) {
      assertFalse(removal.remove(both, seen));
    }
    assertTrue(node.content.find(NS, other).isPresent(), "all or none");
    List<GarbageCollector.Item> one =
        both.stream().filter(item -> item.id().equals(other.toString())).toList();
    try (var removal =
        new GarbageRemoval(node.journal, node.content, List.of(node.snapshots), scope)) {
      assertTrue(removal.remove(one, seen), "the lease is on something else");
      assertEquals(one, removal.removed());
    }
    assertTrue(node.content.find(NS, other).isEmpty());
    assertTrue(node.content.find(NS, blob).isPresent());
  }

  /** What somebody is at is theirs, and what it stands on is left, too. */
  @Test
  void whatIsInUseIsLeftForAnotherTime() throws Exception {
    Scope scope = NodeFixture.scope(NS);
    node.snapshots.prepare(scope, "a", "", Map.of());
    node.snapshots.commit(scope, "lower", "a", Map.of());
    node.snapshots.prepare(scope, "upper", "lower", Map.of());
    blob("loose", Map.of());
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch over = new CountDownLatch(1);
    Thread busy =
        Thread.ofPlatform()
            .start(
                () -> {
                  try (KeyLocks.Held lock = node.snapshots.hold(NS, "upper")) {
                    held.countDown();
                    over.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    held.await();
    GarbageCollector.Collected first = node.garbage.collect(NodeFixture.ORIGIN, NS);
    assertEquals(1, first.blobs());
    assertEquals(0, first.snapshots());
    assertEquals(List.of(), first.failures());
    over.countDown();
    busy.join();
    assertEquals(2, node.garbage.collect(NodeFixture.ORIGIN, NS).snapshots());
  }

  @Test
  void aPullUnderWayPutsTheCollectionOff() {
    blob("loose", Map.of());
    try (GarbageCollector.Pause pull = node.garbage.pause()) {
      assertEquals(0, node.garbage.collect(NodeFixture.ORIGIN, NS).blobs());
    }
    assertEquals(1, node.garbage.collect(NodeFixture.ORIGIN, NS).blobs());
  }

  @Test
  void theScheduleCollectsSoonAfterANameWasRemoved() throws Exception {
    Digest layer = image("gone");
    node.journal.commit(
        NodeFixture.ORIGIN,
        "",
        new Event.NamespaceCreated(
            dev.retainerd.eventlog.proto.NamespaceCreatedPayload.newBuilder().setName(NS).build()));
    try (GarbageSchedule schedule =
        new GarbageSchedule(
            node.journal,
            node.garbage,
            NodeFixture.ORIGIN,
            new GarbageSchedule.Settings(100, Duration.ofMillis(50), Duration.ofMinutes(10)))) {
      schedule.begin();
      node.records.delete(NodeFixture.scope(NS), "gone");
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (node.content.find(NS, layer).isPresent()) {
        assertTrue(System.nanoTime() < deadline, "not collected");
        TimeUnit.MILLISECONDS.sleep(5);
      }
    }
    assertEquals("schedule", told.getFirst().payload().getCause());
  }
}
