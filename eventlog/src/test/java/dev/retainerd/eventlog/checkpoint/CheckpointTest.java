package dev.retainerd.eventlog.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
  @TempDir Path dir;

  private Path folder() {
    return dir.resolve("log");
  }

  private EventLog open(Path copies) {
    return ChronicleEventLog.open(
        LogOptions.standard(folder())
            .withSizes(1 << 20, 1L << 30, 1L << 20)
            .withCheckpoints(
                Optional.of(
                    new LogOptions.Checkpoints(
                        dir.resolve("keys"), Optional.of(copies), Duration.ofMinutes(1)))));
  }

  private static void append(EventLog log, int count) {
    log.append(
        IntStream.range(0, count)
            .mapToObj(
                i ->
                    new EnvelopeDraft(
                        "ns", "container/" + i, Actor.daemon(), "", 0, 1, 1, new byte[i % 50]))
            .toList());
    log.force();
  }

  @Test
  void everyEventIsCoveredByACheckpointThatVerifiesAlsoInTheSecondPlace() throws Exception {
    Path second = dir.resolve("second");
    for (int start = 0; start < 2; start++) {
      try (EventLog log = open(second)) {
        append(log, 5000);
        append(log, 17);
      }
    }
    List<byte[]> hashes = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(dir).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        hashes.add(((LogEntry.Good) e.get()).envelope().hash());
      }
    }
    VerifierKey key =
        VerifierKey.parse(Files.readString(folder().resolve(CheckpointKeeper.KEY_FILE)));
    List<Checkpoint> all =
        Checkpoint.parseAll(Files.readAllBytes(folder().resolve(CheckpointKeeper.FILE)));
    assertTrue(all.size() >= 4, all::toString);
    long next = 1;
    for (Checkpoint one : all) {
      assertEquals(next, one.firstSequence());
      assertTrue(key.verifies(one));
      List<byte[]> covered = hashes.subList((int) next - 1, (int) one.lastSequence());
      assertTrue(one.covers(covered));
      List<byte[]> forged = new ArrayList<>(covered);
      forged.set(0, new byte[32]);
      assertFalse(one.covers(forged));
      next = one.lastSequence() + 1;
    }
    assertEquals(hashes.size() + 1, next);
    try (var files = Files.list(second)) {
      assertArrayEquals(
          Files.readAllBytes(folder().resolve(CheckpointKeeper.FILE)),
          Files.readAllBytes(files.findFirst().orElseThrow()));
    }
  }

  @Test
  void aSecondPlaceThatIsAwayForAWhileGetsWhatItMissedAndNobodyWaitsForIt() throws Exception {
    Path second = dir.resolve("second");
    Files.writeString(second, "no folder");
    try (EventLog log = open(second)) {
      append(log, 5000);
    }
    byte[] before = Files.readAllBytes(folder().resolve(CheckpointKeeper.FILE));
    assertTrue(Checkpoint.parseAll(before).getLast().lastSequence() >= 5000);
    Files.delete(second);
    try (EventLog log = open(second)) {
      append(log, 10);
    }
    try (var files = Files.list(second)) {
      assertArrayEquals(
          Files.readAllBytes(folder().resolve(CheckpointKeeper.FILE)),
          Files.readAllBytes(files.findFirst().orElseThrow()));
    }
  }

  @Test
  void aCheckpointThatACrashBrokeOffIsCutAwayAndAStartReadsOnlyTheEndOfALongFile()
      throws Exception {
    Path file = folder().resolve(CheckpointKeeper.FILE);
    Path second = dir.resolve("second");
    try (EventLog log = open(second)) {
      append(log, 20);
    }
    String whole = Files.readString(file);
    Files.writeString(file, whole.substring(0, whole.length() / 2), StandardOpenOption.APPEND);
    try (EventLog log = open(second)) {
      append(log, 20);
    }
    List<Checkpoint> two = Checkpoint.parseAll(Files.readAllBytes(file));
    assertEquals(2, two.size());
    assertEquals(two.getFirst().lastSequence() + 1, two.getLast().firstSequence());
    // A damaged beginning of a long file is not even looked at by a start.
    String many = "x".repeat(9) + whole.repeat(400) + two.getLast().text();
    Files.writeString(file, many);
    try (EventLog log = open(second)) {
      append(log, 20);
    }
    String grown = Files.readString(file);
    assertTrue(grown.startsWith(many), "it was set aside");
    Checkpoint last =
        Checkpoint.parseAll(grown.substring(many.length()).getBytes(StandardCharsets.UTF_8))
            .getLast();
    assertEquals(two.getLast().lastSequence() + 1, last.firstSequence());
    Files.writeString(file, "x".repeat(100_000));
    try (EventLog log = open(second)) {
      append(log, 20);
    }
    assertEquals(1, Checkpoint.parseAll(Files.readAllBytes(file)).getFirst().firstSequence());
  }

  @Test
  void aCheckpointThatWasChangedOrSignedByAnotherDoesNotVerify() {
    NodeKey mine = NodeKey.loadOrMake(dir.resolve("mine"), "retainerd/a");
    NodeKey other = NodeKey.loadOrMake(dir.resolve("other"), "retainerd/a");
    Checkpoint one =
        mine.sign(new Checkpoint("retainerd/a", 1, 2, new byte[32], new byte[32], 7, ""));
    assertTrue(mine.verifier().verifies(one));
    assertFalse(other.verifier().verifies(one));
    String changed = one.text().replace("events 1 2", "events 2 3");
    assertFalse(
        mine.verifier()
            .verifies(Checkpoint.parseAll(changed.getBytes(StandardCharsets.UTF_8)).getFirst()));
    assertEquals(mine.verifier(), VerifierKey.parse(mine.verifier().text()));
  }

  @Test
  void theKeyIsMadeOnceAndReadableToItsOwnerOnly() throws Exception {
    NodeKey first = NodeKey.loadOrMake(dir.resolve("keys"), "n");
    NodeKey second = NodeKey.loadOrMake(dir.resolve("keys"), "n");
    assertEquals(first.verifier(), second.verifier());
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(
            Files.getPosixFilePermissions(dir.resolve("keys/checkpoint.key"))));
  }

  @Test
  void rootsAreThoseOfRfc6962() {
    HexFormat hex = HexFormat.of();
    List<byte[]> leaves =
        List.of("", "00", "10", "2021", "3031", "40414243", "5051525354555657").stream()
            .map(hex::parseHex)
            .toList();
    assertEquals(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        hex.formatHex(MerkleTree.root(List.of())));
    assertEquals(
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        hex.formatHex(MerkleTree.root(leaves.subList(0, 1))));
    assertEquals(
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        hex.formatHex(MerkleTree.root(leaves.subList(0, 2))));
    assertEquals(
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        hex.formatHex(MerkleTree.root(leaves)));
  }

  @Test
  void aTreeThatGrowsHasTheSameRootsAsOneThatIsThere() {
    java.util.Random random = new java.util.Random(6962);
    MerkleTree.Growing growing = new MerkleTree.Growing();
    List<byte[]> leaves = new ArrayList<>();
    for (int size = 0; size < 300; size++) {
      assertEquals(size, growing.size());
      assertArrayEquals(MerkleTree.root(leaves), growing.root(), "of " + size + " leaves");
      byte[] leaf = new byte[32];
      random.nextBytes(leaf);
      leaves.add(leaf);
      growing.add(leaf);
    }
  }
}
