package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.checkpoint.MerkleTree;
import dev.retainerd.eventlog.files.Archive;
import dev.retainerd.eventlog.files.Archiving;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Old generations in an archive, or gone: what is retained reads and verifies as before. */
class ArchivedLogTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  static final int EVENTS = 2000;

  @TempDir Path dir;

  private Path archive() {
    return dir.resolve("log/archive");
  }

  static LogOptions options(Path dir) {
    return LogOptions.standard(dir.resolve("log"))
        .withSizes(1 << 20, 128 << 10, 1L << 20)
        .withCheckpoints(Optional.empty());
  }

  private ChronicleEventLog open() {
    return ChronicleEventLog.open(options(dir));
  }

  static void write(ChronicleEventLog log, int events) {
    for (int i = 0; i < events; i += 10) {
      log.append(Drafts.batch(log.lastSequence() + 1, 10, 300));
      log.force();
    }
  }

  /** Archives every generation but the newest and those after it. */
  static void archiveAll(ChronicleEventLog log, Path place, int keep) throws Exception {
    List<RetainedGenerations.Part> parts = log.retained().parts();
    for (RetainedGenerations.Part part : parts.subList(0, parts.size() - keep)) {
      if (!part.archived()) {
        Archive.Manifest packed =
            log.retained().pack(part.number(), place, Archiving.Boundary.NONE);
        log.retained().release(packed, Archiving.Boundary.NONE);
      }
    }
  }

  static List<Envelope> walked(Path dir, long from) {
    List<Envelope> all = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(dir).walk(from, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        assertTrue(e.get() instanceof LogEntry.Good, e.get()::toString);
        all.add(((LogEntry.Good) e.get()).envelope());
      }
    }
    return all;
  }

  private static void assertDense(List<Envelope> all, long first, long last) {
    assertEquals(last - first + 1, all.size());
    for (int i = 0; i < all.size(); i++) {
      assertEquals(first + i, all.get(i).sequence());
    }
  }

  @Test
  void archivedEventsAreReadWhereTheyAreByReadersBesideAndWithin() throws Exception {
    List<Envelope> before;
    try (ChronicleEventLog log = open();
        LogReader slow = log.reader(1)) {
      write(log, EVENTS);
      before = walked(dir, 1);
      assertDense(before, 1, EVENTS);
      for (int i = 1; i <= 5; i++) {
        assertEquals(i, slow.poll(PATIENCE).orElseThrow().sequence());
      }
      archiveAll(log, archive(), 2);
      assertTrue(log.retained().parts().stream().filter(p -> p.archived()).count() >= 3);
      assertEquals(1, log.firstSequence());
      assertEquals(before, walked(dir, 1));
      // One that stood in a generation when it was moved reads on, and so does one that begins now.
      for (int i = 6; i <= EVENTS; i++) {
        assertEquals(before.get(i - 1), slow.poll(PATIENCE).orElseThrow());
      }
      try (LogReader later = log.reader(777)) {
        assertEquals(before.get(776), later.poll(PATIENCE).orElseThrow());
      }
    }
    ReadOnlyLog read = ReadOnlyLog.open(dir);
    assertEquals(List.of(), read.damages());
    assertEquals(1, read.firstSequence());
    assertEquals(EVENTS, read.lastSequence());
    assertEquals(before.get(1233), read.get(1234).orElseThrow());
    try (ChronicleEventLog log = open()) {
      assertEquals(List.of(), log.status().damages());
      assertEquals(1, log.firstSequence());
      write(log, 10);
    }
    assertDense(walked(dir, 1), 1, EVENTS + 10);
  }

  @Test
  void theManifestNamesTheMerkleRootOfItsEventsAndZstdAloneUnpacksTheRecords() throws Exception {
    try (ChronicleEventLog log = open()) {
      write(log, EVENTS);
      RetainedGenerations.Part second = log.retained().parts().get(1);
      byte[] raw =
          Files.readAllBytes(ReadOnlyLog.open(dir).generations().get(1).recordFile().orElseThrow());
      Archive.Manifest packed =
          log.retained().pack(second.number(), archive(), Archiving.Boundary.NONE);
      List<byte[]> hashes =
          walked(dir, second.firstSequence()).stream()
              .filter(e -> e.sequence() <= second.lastSequence())
              .map(Envelope::hash)
              .toList();
      assertEquals(hashes.size(), packed.events());
      assertArrayEquals(MerkleTree.root(hashes), packed.merkleRoot());
      assertTrue(packed.packedBytes() < packed.unpackedBytes(), packed::toString);
      byte[] zstd = Files.readAllBytes(archive().resolve("generation-0002/records.zst"));
      try (var in =
          new com.github.luben.zstd.ZstdInputStreamNoFinalizer(
              new java.io.ByteArrayInputStream(zstd))) {
        assertArrayEquals(raw, in.readAllBytes());
      }
    }
  }

  @Test
  void whatWasRemovedIsNotMissedAndTheRestVerifiesFromItsFirstEventOn() throws Exception {
    long first;
    try (ChronicleEventLog log = open()) {
      write(log, EVENTS);
      archiveAll(log, archive(), 2);
      List<RetainedGenerations.Part> parts = log.retained().parts();
      EventLogException e =
          assertThrows(
              EventLogException.class,
              () -> log.retained().remove(parts.get(1).number(), Archiving.Boundary.NONE));
      assertTrue(e.getMessage().contains("not the oldest"), e.getMessage());
      log.retained().remove(parts.get(0).number(), Archiving.Boundary.NONE);
      log.retained().remove(parts.get(1).number(), Archiving.Boundary.NONE);
      first = parts.get(2).firstSequence();
      assertEquals(first, log.firstSequence());
      assertThrows(
          EventLogException.class,
          () -> log.retained().remove(parts.getLast().number(), Archiving.Boundary.NONE));
      try (LogReader reader = log.reader(1)) {
        assertEquals(first, reader.poll(PATIENCE).orElseThrow().sequence());
      }
    }
    assertDense(walked(dir, 1), first, EVENTS);
    assertEquals(first, ReadOnlyLog.open(dir).firstSequence());
    assertFalse(Files.exists(archive().resolve("generation-0001")));
    try (ChronicleEventLog log = open()) {
      assertEquals(List.of(), log.status().damages());
      write(log, 10);
    }
    assertDense(walked(dir, 1), first, EVENTS + 10);
  }

  @Test
  void anArchiveElsewhereIsFoundAgainByWhoKnowsTheLogOnly() throws Exception {
    Path first = dir.resolve("first");
    Path second = dir.resolve("second");
    try (ChronicleEventLog log = open()) {
      write(log, EVENTS / 2);
      archiveAll(log, first, 1);
      write(log, EVENTS / 2);
      archiveAll(log, second, 1);
    }
    assertTrue(Files.isDirectory(first.resolve("generation-0001")));
    assertDense(walked(dir, 1), 1, EVENTS);
    try (ChronicleEventLog log = open()) {
      assertEquals(1, log.firstSequence());
      assertEquals(List.of(), log.status().damages());
    }
  }

  @Test
  void whatCannotBePackedStaysWhereItIsAndLeavesNothingHalfMade() throws Exception {
    try (ChronicleEventLog log = open()) {
      write(log, EVENTS);
      Archiving.Boundary full =
          step -> {
            if (step == Archiving.Step.PACKED) {
              throw new EventLogException("No space left on device");
            }
          };
      assertThrows(EventLogException.class, () -> log.retained().pack(1, archive(), full));
      Files.writeString(dir.resolve("file"), "no folder");
      assertThrows(
          java.io.IOException.class,
          () -> log.retained().pack(1, dir.resolve("file/a"), Archiving.Boundary.NONE));
      try (var files = Files.list(archive())) {
        assertEquals(0, files.count());
      }
      assertFalse(log.retained().parts().getFirst().archived());
    }
    assertDense(walked(dir, 1), 1, EVENTS);
  }

  @Test
  void aNumberOfAnArchivedGenerationIsNotUsedAgain() throws Exception {
    try (ChronicleEventLog log = open()) {
      write(log, 100);
    }
    try (ChronicleEventLog log = open()) {
      archiveAll(log, archive(), 1);
    }
    try (ChronicleEventLog log = open()) {
      assertEquals(2, log.status().generation());
      assertEquals(100, log.lastSequence());
      write(log, 100);
    }
    assertDense(walked(dir, 1), 1, 200);
  }

  @Test
  void aDamagedFrameOfAnArchiveCostsItsEventsOnlyAndIsReportedByRange() throws Exception {
    LogOptions large = options(dir).withSizes(1 << 20, 8L << 20, 1L << 20);
    try (ChronicleEventLog log = ChronicleEventLog.open(large)) {
      for (int i = 0; i < 30; i++) {
        log.append(Drafts.batch(log.lastSequence() + 1, 10, 30_000));
        log.force();
      }
      archiveAll(log, archive(), 1);
    }
    Path packed = archive().resolve("generation-0001/records.zst");
    try (RandomAccessFile file = new RandomAccessFile(packed.toFile(), "rw")) {
      file.seek(file.length() / 2);
      int was = file.read();
      file.seek(file.length() / 2);
      file.write(was ^ 0x5a);
    }
    int good = 0;
    List<LogEntry.Lost> lost = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(dir).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Lost one) {
          lost.add(one);
        } else {
          good++;
        }
      }
    }
    assertEquals(1, lost.size(), lost::toString);
    long missing = lost.getFirst().lastSequence() - lost.getFirst().firstSequence() + 1;
    assertEquals(300, good + missing);
    assertTrue(missing > 0 && missing < 60, lost::toString);
    try (ChronicleEventLog log = ChronicleEventLog.open(large)) {
      assertEquals(300, log.lastSequence());
    }
  }
}
