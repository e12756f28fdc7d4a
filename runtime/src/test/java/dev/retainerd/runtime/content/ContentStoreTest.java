package dev.retainerd.runtime.content;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentStoreTest {
  private static final byte[] HELLO = "hello, blob".getBytes(StandardCharsets.UTF_8);
  private static final Digest HELLO_DIGEST = Digest.of(HELLO);

  @TempDir Path root;
  private ContentStore store;

  @BeforeEach
  void open() throws IOException {
    store = ContentStore.open(root);
  }

  private static ByteBuffer bytes(byte[] all, int from, int to) {
    return ByteBuffer.wrap(all, from, to - from);
  }

  @Test
  void aBlobIsThereOnlyAfterItsCommit() throws IOException {
    try (Ingest ingest = store.ingest("layer", HELLO.length, Optional.of(HELLO_DIGEST))) {
      ingest.write(ByteBuffer.wrap(HELLO));
      assertFalse(store.has(HELLO_DIGEST));
      assertEquals(HELLO_DIGEST, ingest.commit(HELLO.length, Optional.of(HELLO_DIGEST)));
    }
    assertArrayEquals(HELLO, store.bytes(HELLO_DIGEST, 100));
    assertEquals(HELLO.length, store.size(HELLO_DIGEST).orElseThrow());
    assertEquals(List.of(HELLO_DIGEST), store.list());
    assertTrue(store.status("layer").isEmpty());
  }

  @Test
  void anIngestGoesOnAfterARestart() throws IOException {
    try (Ingest ingest = store.ingest("layer", HELLO.length, Optional.of(HELLO_DIGEST))) {
      ingest.write(bytes(HELLO, 0, 5));
    }
    ContentStore restarted = ContentStore.open(root);
    IngestStatus status = restarted.status("layer").orElseThrow();
    assertEquals(5, status.offset());
    assertEquals(HELLO.length, status.total());
    assertEquals(Optional.of(HELLO_DIGEST), status.expected());
    try (Ingest ingest = restarted.ingest("layer", 0, Optional.empty())) {
      assertTrue(ingest.resumed());
      assertEquals(5, ingest.offset());
      ingest.write(bytes(HELLO, 5, HELLO.length));
      assertEquals(HELLO_DIGEST, ingest.commit(HELLO.length, Optional.of(HELLO_DIGEST)));
    }
  }

  @Test
  void aSecondWriterOfTheSameRefIsRefusedUntilTheFirstCloses() throws IOException {
    Ingest first = store.ingest("layer", 0, Optional.empty());
    Refusal refusal = assertThrows(Refusal.class, () -> store.ingest("layer", 0, Optional.empty()));
    assertEquals(Refusal.Code.UNAVAILABLE, refusal.code());
    assertTrue(refusal.sentence().contains("locked"), refusal.sentence());
    first.close();
    store.ingest("layer", 0, Optional.empty()).close();
  }

  @Test
  void aWrongDigestOrSizeIsRefusedAndTheIngestIsKept() throws IOException {
    try (Ingest ingest = store.ingest("layer", 0, Optional.empty())) {
      ingest.write(ByteBuffer.wrap(HELLO));
      Digest other = Digest.of(new byte[] {1});
      Refusal wrong =
          assertThrows(Refusal.class, () -> ingest.commit(HELLO.length, Optional.of(other)));
      assertEquals(Refusal.Code.FAILED_PRECONDITION, wrong.code());
      assertThrows(Refusal.class, () -> ingest.commit(3, Optional.of(HELLO_DIGEST)));
    }
    assertEquals(List.of(), store.list());
    assertEquals(HELLO.length, store.status("layer").orElseThrow().offset());
  }

  @Test
  void aCommitOfWhatIsThereSaysSoAndGivesItsSpaceBack() throws IOException {
    store.put(HELLO);
    try (Ingest ingest = store.ingest("again", 0, Optional.empty())) {
      ingest.write(ByteBuffer.wrap(HELLO));
      Refusal refusal = assertThrows(Refusal.class, () -> ingest.commit(0, Optional.empty()));
      assertEquals(Refusal.Code.ALREADY_EXISTS, refusal.code());
    }
    assertTrue(store.status("again").isEmpty());
    Refusal early =
        assertThrows(Refusal.class, () -> store.ingest("third", 0, Optional.of(HELLO_DIGEST)));
    assertEquals(Refusal.Code.ALREADY_EXISTS, early.code());
  }

  @Test
  void moreBytesThanAnnouncedAreRefused() throws IOException {
    try (Ingest ingest = store.ingest("layer", 4, Optional.empty())) {
      assertThrows(Refusal.class, () -> ingest.write(ByteBuffer.wrap(HELLO)));
      ingest.abort();
    }
    assertTrue(store.status("layer").isEmpty());
  }

  @Test
  void anIngestThatWasAbortedUnderItsWriterCannotBeCommitted() throws IOException {
    try (Ingest ingest = store.ingest("layer", 0, Optional.empty())) {
      ingest.write(ByteBuffer.wrap(HELLO));
      assertTrue(store.abort("layer"));
      Refusal refusal = assertThrows(Refusal.class, () -> ingest.commit(0, Optional.empty()));
      assertEquals(Refusal.Code.NOT_FOUND, refusal.code());
    }
    assertFalse(store.has(HELLO_DIGEST));
  }

  @Test
  void halfMadeIngestsAreSweptWhenTheStoreOpens() throws IOException {
    Path ingests = root.resolve("ingest");
    Path folder = Files.createDirectories(ingests.resolve("0123"));
    Files.writeString(folder.resolve("data"), "of another form");
    Files.writeString(ingests.resolve("4567.data"), "without particulars");
    Files.writeString(ingests.resolve("89ab.about"), "2026-01-01T00:00:00Z\n7\n\n5\nhalf");
    Files.writeString(ingests.resolve("89ab.data"), "with a part of its particulars");
    Files.writeString(ingests.resolve("cdef.about.next"), "never renamed");
    store.ingest("a\nref\nof lines", 7, Optional.of(HELLO_DIGEST)).close();
    ContentStore opened = ContentStore.open(root);
    try (var left = Files.list(ingests)) {
      assertEquals(2, left.count(), "the whole one alone, its bytes and its particulars");
    }
    IngestStatus kept = opened.status("a\nref\nof lines").orElseThrow();
    assertEquals(7, kept.total());
    assertEquals(Optional.of(HELLO_DIGEST), kept.expected());
  }

  @Test
  void whatALaterWriterKnowsBetterIsKept() throws IOException {
    store.ingest("grows", 0, Optional.empty()).close();
    store.ingest("grows", 9, Optional.empty()).close();
    store.ingest("grows", 0, Optional.of(HELLO_DIGEST)).close();
    IngestStatus status = ContentStore.open(root).status("grows").orElseThrow();
    assertEquals(9, status.total());
    assertEquals(Optional.of(HELLO_DIGEST), status.expected());
  }

  @Test
  void ingestsAreListedByThePrefixOfTheirRef() throws IOException {
    store.ingest("k8s.io/a", 0, Optional.empty()).close();
    store.ingest("default/a", 7, Optional.empty()).close();
    assertEquals(
        List.of("default/a"), store.statuses("default/").stream().map(IngestStatus::ref).toList());
  }

  @Test
  void aBlobCanBeReadOnAfterItWasDeleted() throws IOException {
    store.put(HELLO);
    try (var in = store.stream(HELLO_DIGEST)) {
      assertTrue(store.delete(HELLO_DIGEST));
      assertArrayEquals(HELLO, in.readAllBytes());
    }
    assertFalse(store.delete(HELLO_DIGEST));
    assertEquals(
        Refusal.Code.NOT_FOUND, assertThrows(Refusal.class, () -> store.open(HELLO_DIGEST)).code());
  }

  @Test
  void whatIsNoDigestIsRefused() {
    for (String bad :
        List.of(
            "",
            "sha256:",
            "sha256:ABC",
            "md5:" + "0".repeat(64),
            "sha256:" + "g".repeat(64),
            "sha256:../../x")) {
      assertThrows(Refusal.class, () -> Digest.parse(bad), bad);
    }
  }
}
