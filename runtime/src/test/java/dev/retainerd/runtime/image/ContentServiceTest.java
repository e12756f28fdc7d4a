package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeaseCreatedPayload;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentServiceTest {
  private static final byte[] BYTES = "a manifest".getBytes(StandardCharsets.UTF_8);
  private static final Digest DIGEST = Digest.of(BYTES);

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

  private void write(String namespace, Map<String, String> labels) {
    try (ContentWriter writer =
        node.content.write(namespace, "ref", BYTES.length, Optional.of(DIGEST))) {
      if (writer.offset() == 0) {
        writer.write(ByteBuffer.wrap(BYTES));
      }
      writer.commit(NodeFixture.scope(namespace), BYTES.length, Optional.of(DIGEST), labels);
    }
  }

  private static Refusal.Code code(Runnable request) {
    return assertThrows(Refusal.class, request::run).code();
  }

  @Test
  void aNamespaceSeesOnlyWhatItCommitted() {
    write("one", Map.of("a", "b"));
    assertEquals(Map.of("a", "b"), node.content.info("one", DIGEST).getLabelsMap());
    assertArrayEquals(BYTES, node.content.bytes("one", DIGEST, 100));
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.content.open("two", DIGEST)));
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.content.info("two", DIGEST)));
  }

  @Test
  void aBlobOfAnotherNamespaceIsRecordedWithoutBeingSentAgain() {
    write("one", Map.of());
    try (ContentWriter writer =
        node.content.write("two", "ref", BYTES.length, Optional.of(DIGEST))) {
      assertEquals(BYTES.length, writer.offset());
      assertEquals(BYTES.length, writer.status().offset());
      writer.commit(NodeFixture.scope("two"), 0, Optional.of(DIGEST), Map.of());
    }
    assertTrue(node.content.find("two", DIGEST).isPresent());
  }

  private Scope leased(String id) {
    node.journal.commit(
        NodeFixture.ORIGIN,
        "one",
        new Event.LeaseCreated(LeaseCreatedPayload.newBuilder().setId(id).build()));
    return new Scope(NodeFixture.ORIGIN, "one", id);
  }

  private long heldBy(String lease) {
    return node
        .journal
        .state()
        .get(Kind.LEASE.key("one", lease))
        .orElseThrow()
        .getResourcesList()
        .stream()
        .filter(r -> r.getType().equals("content") && r.getId().equals(DIGEST.toString()))
        .count();
  }

  /** Who hears that a blob is there counts on it as if he had written it. */
  @Test
  void aLeaseHoldsWhatWasThereAlready() {
    write("one", Map.of());
    Scope put = leased("put");
    node.content.put(put, BYTES, Map.of());
    node.content.put(put, BYTES, Map.of("a", "b"));
    assertEquals(1, heldBy("put"));
    Scope kept = leased("kept");
    node.content.keep(kept, DIGEST);
    assertEquals(1, heldBy("kept"));
    Scope committed = leased("committed");
    try (ContentWriter writer = node.content.write("one", "other", 0, Optional.empty())) {
      writer.write(ByteBuffer.wrap(BYTES));
      assertEquals(
          Refusal.Code.ALREADY_EXISTS,
          code(() -> writer.commit(committed, 0, Optional.empty(), Map.of())));
    }
    assertEquals(1, heldBy("committed"));
  }

  @Test
  void theBlobGoesWithItsLastNamespace() {
    write("one", Map.of());
    write("two", Map.of());
    node.content.delete(NodeFixture.scope("one"), DIGEST);
    assertTrue(node.store.has(DIGEST));
    node.content.delete(NodeFixture.scope("two"), DIGEST);
    assertFalse(node.store.has(DIGEST));
    assertEquals(
        Refusal.Code.NOT_FOUND, code(() -> node.content.delete(NodeFixture.scope("two"), DIGEST)));
  }

  @Test
  void committingTwiceSaysThatItExists() {
    write("one", Map.of());
    assertEquals(
        Refusal.Code.ALREADY_EXISTS,
        code(() -> node.content.write("one", "x", 0, Optional.of(DIGEST))));
    try (ContentWriter writer = node.content.write("one", "x", 0, Optional.empty())) {
      writer.write(ByteBuffer.wrap(BYTES));
      assertEquals(
          Refusal.Code.ALREADY_EXISTS,
          code(() -> writer.commit(NodeFixture.scope("one"), 0, Optional.empty(), Map.of())));
    }
  }

  @Test
  void aLeaseHoldsWhatIsCommittedUnderIt() {
    node.journal.commit(
        NodeFixture.ORIGIN,
        "one",
        new Event.LeaseCreated(LeaseCreatedPayload.newBuilder().setId("l").build()));
    Scope leased = new Scope(NodeFixture.ORIGIN, "one", "l");
    node.content.put(leased, BYTES, Map.of());
    assertEquals(
        DIGEST.toString(),
        node.journal.state().get(Kind.LEASE.key("one", "l")).orElseThrow().getResources(0).getId());
    assertEquals(0, node.garbage.collect(NodeFixture.ORIGIN, "one").blobs());
    Scope unknown = new Scope(NodeFixture.ORIGIN, "two", "none");
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.content.put(unknown, BYTES, Map.of())));
  }

  @Test
  void blobsThatNobodyRecordedAreSweptAtStart() throws IOException {
    node.store.put(BYTES);
    byte[] kept = {1, 2, 3};
    node.content.put(NodeFixture.scope("one"), kept, Map.of());
    assertEquals(1, node.content.sweep());
    assertFalse(node.store.has(DIGEST));
    assertTrue(node.store.has(Digest.of(kept)));
  }

  @Test
  void ingestsAreListedAndAbortedInTheirNamespaceOnly() {
    node.content.write("one", "a", 7, Optional.empty()).close();
    assertEquals("a", node.content.statuses("one").get(0).ref());
    assertEquals(0, node.content.statuses("two").size());
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.content.abort("two", "a")));
    node.content.abort("one", "a");
    assertEquals(Refusal.Code.NOT_FOUND, code(() -> node.content.status("one", "a")));
  }
}
