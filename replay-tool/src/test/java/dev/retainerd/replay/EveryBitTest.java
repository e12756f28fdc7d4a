package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogCursor;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.eventlog.files.RecordScanner;
import dev.retainerd.eventlog.files.RecordSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * No bit of the last megabyte of a log can be flipped unseen. A record is all of its bytes: its
 * word, the event, and the zeros behind it. Chronicle's own records between them hold nothing of
 * the history, and nobody reads them.
 *
 * <p>Each flip is made in the file, and the cursor that {@code rewind verify} walks with goes over
 * the event before, the changed one and the one behind, or the log's end: what it comes to there
 * depends on nothing before, so that a walk from the first event on would say the same.
 */
class EveryBitTest {
  private static final long BITS = 8L << 20;

  @TempDir Path folder;
  private Path log;
  private Path file;
  private byte[] bytes;
  private List<Generation> generations;
  private List<RecordScanner.Sound> records = new ArrayList<>();

  @BeforeEach
  void aMegabyteOfEvents() throws IOException {
    log = folder.resolve("log");
    BusyNode.write(log, 3_000, 11, Optional.empty());
    generations = ReadOnlyLog.open(log).generations();
    assertEquals(1, generations.size());
    file = generations.getFirst().recordFile().orElseThrow();
    bytes = Files.readAllBytes(file);
    List<RecordScanner.Sound> all = new ArrayList<>();
    try (RecordSource source = RecordSource.ofFile(file)) {
      RecordScanner scanner = new RecordScanner(source, 0, bytes.length);
      while (scanner.next(false) instanceof RecordScanner.Sound sound) {
        all.add(sound);
      }
    }
    hintAtEach(all);
    int first = all.size();
    for (long bits = 0; bits < BITS; bits += bits(all.get(first))) {
      first--;
      assertTrue(first > 0, "the log holds too few events");
    }
    records = all.subList(first, all.size());
  }

  private static long bits(RecordScanner.Sound record) {
    return 8 * (record.end() - record.position());
  }

  /** The log's own hints, but for every event: a cursor then begins where the test wants it to. */
  private void hintAtEach(List<RecordScanner.Sound> all) throws IOException {
    ByteBuffer pairs = ByteBuffer.allocate(16 * all.size());
    for (RecordScanner.Sound record : all) {
      pairs.putLong(record.encoded().sequence()).putLong(record.position());
    }
    Files.write(generations.getFirst().folder().resolve("positions"), pairs.array());
  }

  private boolean detected(RandomAccessFile disk, RecordScanner.Sound record, long bit)
      throws IOException {
    long at = record.position() + bit / 8;
    disk.seek(at);
    disk.write(bytes[(int) at] ^ 1 << bit % 8);
    try {
      return seen(record.encoded().sequence());
    } finally {
      disk.seek(at);
      disk.write(bytes[(int) at]);
    }
  }

  /** Whether a walk around that event finds anything that is not as it was written. */
  private boolean seen(long sequence) throws IOException {
    try (LogCursor cursor = new LogCursor(() -> generations, Math.max(1, sequence - 1), true)) {
      while (true) {
        Optional<LogEntry> entry = cursor.next();
        if (entry.isEmpty()) {
          return false;
        }
        if (!(entry.get() instanceof LogEntry.Good good)) {
          return true;
        }
        if (good.encoded().sequence() > sequence) {
          return false;
        }
      }
    }
  }

  @Test
  @Tag("soak")
  void everyBit() throws IOException {
    long tried = 0;
    long found = 0;
    long begun = System.nanoTime();
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      for (RecordScanner.Sound record : records.reversed()) {
        assertFalse(seen(record.encoded().sequence()), "a record that was not changed");
        for (long bit = bits(record) - 1; bit >= 0 && tried < BITS; bit--) {
          tried++;
          found += detected(disk, record, bit) ? 1 : 0;
        }
      }
    }
    System.out.printf(
        "%d of %d single-bit flips detected, in %d s%n",
        found, tried, (System.nanoTime() - begun) / 1_000_000_000);
    assertEquals(BITS, tried);
    assertEquals(tried, found);
  }

  @Test
  void aSampleOfBits() throws IOException {
    Random random = new Random(5);
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      for (int i = 0; i < 20_000; i++) {
        RecordScanner.Sound record = records.get(random.nextInt(records.size()));
        long bit = random.nextLong(bits(record));
        assertTrue(
            detected(disk, record, bit),
            () -> "bit " + bit + " of event " + record.encoded().sequence());
      }
    }
  }

  /** The last event's own: behind it comes nothing that would miss it, but how the log ended. */
  @Test
  void theLastEventsEveryBit() throws IOException {
    RecordScanner.Sound last = records.getLast();
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      for (long bit = 0; bit < bits(last); bit++) {
        assertTrue(detected(disk, last, bit), "bit " + bit);
      }
    }
  }

  /** The whole way through rewind verify, for fewer bits. */
  @Test
  void rewindItselfFindsThem() throws IOException {
    Random random = new Random(6);
    for (int i = 0; i < 60; i++) {
      RecordScanner.Sound record = records.get(random.nextInt(records.size()));
      long bit = random.nextLong(bits(record));
      long at = record.position() + bit / 8;
      try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
        disk.seek(at);
        disk.write(bytes[(int) at] ^ 1 << bit % 8);
        assertEquals(
            1,
            Rewind.run("verify", log).code(),
            () -> "bit " + bit + " of event " + record.encoded().sequence());
        disk.seek(at);
        disk.write(bytes[(int) at]);
      }
    }
    Rewind.run("verify", log).expect(0);
  }
}
