package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.LogFolder;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Case 3 of those a log has to pass: whatever is damaged, it opens and keeps what can be read. */
class DamagedLogTest {
  private static final int EVENTS = 400;

  @TempDir Path dir;

  private Path killed;
  private List<LogEntry.Place> places;
  private int rounds;

  /** A log as a killed daemon leaves it: a copy taken while it was open. */
  @BeforeEach
  void writeAndKill() throws IOException {
    killed = dir.resolve("killed");
    places = new ArrayList<>();
    try (ChronicleEventLog log = ChronicleEventLog.open(options(dir.resolve("original")))) {
      for (int i = 0; i < EVENTS; i += 4) {
        log.append(Drafts.batch(i + 1, 4, 100 + i));
        log.force();
      }
      copyAll(dir.resolve("original"), killed);
    }
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(killed).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        places.add(((LogEntry.Good) e.get()).place());
      }
    }
    assertEquals(EVENTS, places.size());
  }

  private static LogOptions options(Path folder) {
    return LogOptions.standard(folder).withSizes(1 << 20, 1L << 30, 1L << 20);
  }

  @Test
  void aKilledLogOpensWholeAndWithoutDamage() throws IOException {
    Path copy = copy();
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      assertFalse(log.status().previousStopWasClean());
      assertEquals(List.of(), log.status().damages());
      assertEquals(EVENTS, log.lastSequence());
      log.append(Drafts.batch(EVENTS + 1, 1, 10));
    }
    assertEquals(EVENTS + 1, sound(copy).size());
  }

  @Test
  void theTailTruncatedAnywhere() throws IOException {
    Random random = new Random(1);
    long end = endPosition();
    for (int i = 0; i < 25; i++) {
      long at = end - 1 - random.nextInt(64 << 10);
      Path copy = copy();
      try (FileChannel file = FileChannel.open(recordFile(copy), StandardOpenOption.WRITE)) {
        file.truncate(at);
      }
      opensWithAllBefore(copy, at, "truncated at " + at);
    }
  }

  @Test
  void rangesOfTheTailZeroedOrFilledWithGarbage() throws IOException {
    Random random = new Random(2);
    long end = endPosition();
    for (int i = 0; i < 40; i++) {
      long at = end - 1 - random.nextInt(64 << 10);
      byte[] bytes = new byte[(int) Math.min(end - at, 1 + random.nextInt(8192))];
      if (i % 2 == 0) {
        random.nextBytes(bytes);
      }
      Path copy = copy();
      overwrite(recordFile(copy), at, bytes);
      opensWithoutThose(copy, at, at + bytes.length, "overwritten " + at + "+" + bytes.length);
    }
  }

  @Test
  void oneBitFlippedAnywhereInTheTail() throws IOException {
    Random random = new Random(3);
    long end = endPosition();
    for (int i = 0; i < 60; i++) {
      long at = end - 1 - random.nextInt(64 << 10);
      Path copy = copy();
      flip(copy, at, random.nextInt(8));
      opensWithoutThose(copy, at, at + 1, "flipped at " + at);
    }
  }

  @Test
  void oneRecordInTheMiddleIsLostAndNothingElse() throws IOException {
    Path copy = copy();
    overwrite(recordFile(copy), places.get(199).position() + 40, new byte[20]);
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      LogStatus status = log.status();
      assertEquals(1, status.damages().size());
      LogDamage damage = status.damages().getFirst();
      assertEquals(200, damage.firstLostSequence());
      assertEquals(200, damage.lastLostSequence());
      assertTrue(Files.size(Path.of(damage.setAsideTo())) > 100);
      assertEquals(EVENTS, log.lastSequence());
      assertEquals(EVENTS + 1, log.append(Drafts.batch(EVENTS + 1, 1, 10)).firstSequence());
    }
    assertEquals(EVENTS, sound(copy).size());
    try (ChronicleEventLog again = ChronicleEventLog.open(options(copy))) {
      assertEquals(List.of(), again.status().damages(), "reported once");
    }
  }

  @Test
  void aBatchThatWasNeverAcknowledgedIsLeftOutWhole() throws IOException {
    Path folder = dir.resolve("torn");
    Path torn = dir.resolve("torn-killed");
    try (ChronicleEventLog log = ChronicleEventLog.open(options(folder))) {
      log.append(Drafts.batch(1, 10, 100));
      log.force();
      log.append(Drafts.batch(11, 10, 100));
      // No force: the machine loses power, and of these pages only some have reached the disk.
      copyAll(folder, torn);
    }
    List<LogEntry.Place> at = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(torn).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        at.add(e.get().place());
      }
    }
    overwrite(recordFile(torn), at.get(12).position(), new byte[64]);
    try (ChronicleEventLog log = ChronicleEventLog.open(options(torn))) {
      assertEquals(12, log.lastSequence());
      for (LogDamage damage : log.status().damages()) {
        assertEquals(0, damage.firstLostSequence(), damage::toString);
        assertTrue(Files.exists(Path.of(damage.setAsideTo())));
      }
      assertEquals(13, log.append(Drafts.batch(13, 1, 10)).firstSequence());
    }
    assertEquals(13, sound(torn).size());
  }

  /** What is left of it behind the end of a generation does not tell how that one began. */
  @Test
  void theStartOfAGenerationWhoseOnlyBatchWasNeverAcknowledgedIsLost() throws IOException {
    Path folder = dir.resolve("second");
    Path torn = dir.resolve("second-killed");
    try (ChronicleEventLog log = ChronicleEventLog.open(options(folder))) {
      log.append(Drafts.batch(1, 10, 100));
      log.force();
    }
    try (ChronicleEventLog log = ChronicleEventLog.open(options(folder))) {
      log.append(Drafts.batch(11, 10, 100));
      copyAll(folder, torn);
    }
    Path second = new LogFolder(torn).generationFolder(2);
    LogEntry.Place first;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(torn).walk(11, true)) {
      first = walk.next().orElseThrow().place();
    }
    assertEquals(2, first.generation());
    overwrite(first.file(), first.position(), new byte[64]);
    try (ChronicleEventLog log = ChronicleEventLog.open(options(torn))) {
      assertEquals(10, log.lastSequence());
    }
    Files.write(second.resolve("start"), new byte[] {1});
    try (ChronicleEventLog log = ChronicleEventLog.open(options(torn))) {
      assertEquals(10, log.lastSequence());
      assertEquals(11, log.append(Drafts.batch(11, 3, 10)).firstSequence());
    }
    assertEquals(13, sound(torn).size());
    assertEquals(List.of(), ReadOnlyLog.open(torn).damages(), "mended");
  }

  @Test
  void everySmallFileFlippedTruncatedOrDeletedInTurn() throws IOException {
    try (ChronicleEventLog log = ChronicleEventLog.open(options(killed))) {
      log.append(Drafts.batch(EVENTS + 1, 3, 10));
    }
    List<Path> files;
    try (Stream<Path> tree = Files.walk(killed)) {
      files =
          tree.filter(Files::isRegularFile)
              .filter(f -> !f.toString().endsWith(".cq4") && !f.endsWith("lock"))
              .map(killed::relativize)
              .toList();
    }
    assertTrue(files.size() >= 8, files::toString);
    for (Path file : files) {
      for (String how : List.of("flip", "truncate", "delete")) {
        Path copy = copy();
        Path target = copy.resolve(file);
        switch (how) {
          case "flip" -> {
            byte[] bytes = Files.readAllBytes(target);
            if (bytes.length > 0) {
              bytes[bytes.length / 2] ^= 4;
            }
            Files.write(target, bytes);
          }
          case "truncate" -> Files.write(target, new byte[0]);
          default -> Files.delete(target);
        }
        String what = how + " " + file;
        try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
          assertEquals(EVENTS + 3, log.lastSequence(), what);
          assertEquals(
              EVENTS + 4, log.append(Drafts.batch(EVENTS + 4, 1, 10)).firstSequence(), what);
        }
        assertEquals(EVENTS + 4, sound(copy).size(), what);
        assertEquals(List.of(), ReadOnlyLog.open(copy).damages(), what + ": mended");
      }
    }
  }

  @Test
  void theRecordFileIsGone() throws IOException {
    Path copy = copy();
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      log.append(Drafts.batch(EVENTS + 1, 3, 10));
    }
    Files.delete(recordFile(copy));
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      assertEquals(EVENTS + 3, log.lastSequence());
    }
    assertEquals(3, sound(copy).size());
  }

  @Test
  void theNewestGenerationIsGone() throws IOException {
    Path copy = copy();
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      log.append(Drafts.batch(EVENTS + 1, 3, 10));
    }
    deleteAll(new LogFolder(copy).generationFolder(2));
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      LogDamage damage = log.status().damages().getFirst();
      assertEquals(EVENTS + 1, damage.firstLostSequence());
      assertEquals(EVENTS + 3, damage.lastLostSequence());
      assertEquals(
          EVENTS + 4, log.append(Drafts.batch(1, 1, 10)).firstSequence(), "none is used again");
    }
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      assertEquals(List.of(), log.status().damages(), "reported once");
    }
  }

  /** After damage from {@code at} to the end of the file. */
  private void opensWithAllBefore(Path copy, long at, String what) throws IOException {
    long kept = places.stream().filter(p -> end(p) <= at).count();
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      Envelope next = log.append(Drafts.batch(1, 1, 10)).envelopes().getFirst();
      assertTrue(next.sequence() > kept, what);
    }
    List<Long> sound = sound(copy);
    for (long sequence = 1; sequence <= kept; sequence++) {
      assertEquals(sequence, sound.get((int) sequence - 1), what);
    }
    assertEquals(kept + 1, sound.size(), what);
  }

  /** After damage to one range: every event that does not lie in it is kept. */
  private void opensWithoutThose(Path copy, long from, long to, String what) throws IOException {
    List<Long> intact = new ArrayList<>();
    for (int i = 0; i < places.size(); i++) {
      if (end(places.get(i)) <= from || places.get(i).position() >= to) {
        intact.add(i + 1L);
      }
    }
    long next;
    try (ChronicleEventLog log = ChronicleEventLog.open(options(copy))) {
      next = log.append(Drafts.batch(1, 1, 10)).firstSequence();
      boolean lost = intact.size() < EVENTS;
      assertEquals(
          lost,
          !log.status().damages().isEmpty() || log.lastSequence() <= EVENTS,
          () -> what + ": " + log.status().damages());
    }
    List<Long> sound = sound(copy);
    assertEquals(next, sound.removeLast(), what);
    // The last batch was never said to be durable by a later event: its rest may be left out.
    sound.removeIf(s -> s > EVENTS - 4);
    intact.removeIf(s -> s > EVENTS - 4);
    assertEquals(intact, sound, what);
  }

  private long end(LogEntry.Place place) {
    int index = places.indexOf(place);
    return index + 1 < places.size() ? places.get(index + 1).position() : endPosition();
  }

  private long endPosition() {
    // Header 156, strings, payload: the last record is the longest; its end is rounded up.
    return places.getLast().position() + 4 + ((156 + lastBody() + 3) & -4L);
  }

  private long lastBody() {
    Envelope last = ReadOnlyLog.open(killed).get(EVENTS).orElseThrow();
    return last.payloadLength()
        + last.bootId().length()
        + last.namespace().length()
        + last.subject().length()
        + last.requestId().length()
        + last.actor().executable().length();
  }

  private static List<Long> sound(Path folder) {
    List<Long> sequences = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(folder).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good) {
          sequences.add(good.envelope().sequence());
        } else {
          assertTrue(e.get() instanceof LogEntry.Lost, e.get()::toString);
        }
      }
    }
    return sequences;
  }

  private Path copy() throws IOException {
    if (rounds > 0) {
      deleteAll(dir.resolve("copy-" + (rounds - 1)));
    }
    Path copy = dir.resolve("copy-" + rounds++);
    copyAll(killed, copy);
    return copy;
  }

  private static Path recordFile(Path log) throws IOException {
    return LogFolder.recordFile(new LogFolder(log).generationFolder(1)).orElseThrow();
  }

  private static void overwrite(Path file, long at, byte[] bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(bytes), at);
    }
  }

  private static void flip(Path log, long at, int bit) throws IOException {
    try (FileChannel file =
        FileChannel.open(recordFile(log), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      file.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 1 << bit)).flip();
      file.write(one, at);
    }
  }

  static void copyAll(Path from, Path to) throws IOException {
    // The record file is mostly holes and zeros.
    Process cp =
        new ProcessBuilder("cp", "-r", "--sparse=always", from.toString(), to.toString())
            .inheritIO()
            .start();
    try {
      assertTrue(cp.waitFor(30, TimeUnit.SECONDS) && cp.exitValue() == 0, "cp failed");
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  static void deleteAll(Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
