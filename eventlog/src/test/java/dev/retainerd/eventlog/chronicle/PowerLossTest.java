package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.LogFolder;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A machine that loses power again and again: of the pages written since the last force, each is on
 * the disk or not, as chance has it. What was acknowledged is always there, in order, and says what
 * it said; what was not may be there up to some event. A failure names its seed.
 */
class PowerLossTest {
  private static final int PAGE_BYTES = 4096;

  @TempDir Path dir;

  @Test
  void nothingAcknowledgedIsLost() throws IOException {
    for (long seed = 1; seed <= 12; seed++) {
      run(seed, 4);
    }
  }

  /** In three shares, each of which has its own time. */
  @ParameterizedTest
  @ValueSource(longs = {1000, 1500, 2000})
  @Tag("soak")
  @Timeout(value = 60, unit = TimeUnit.MINUTES)
  void nothingAcknowledgedIsLostInManyRuns(long first) throws IOException {
    for (long seed = first; seed < first + 500; seed++) {
      run(seed, 5);
    }
  }

  private void run(long seed, int crashes) throws IOException {
    Random random = new Random(seed);
    List<Envelope> acknowledged = new ArrayList<>();
    Path disk = dir.resolve("disk-" + seed);
    for (int boot = 0; boot <= crashes; boot++) {
      Path synced = dir.resolve("synced-" + seed + "-" + boot);
      Path written = dir.resolve("written-" + seed + "-" + boot);
      String what = "seed " + seed + ", boot " + boot;
      try (ChronicleEventLog log = ChronicleEventLog.open(options(disk, random, boot))) {
        check(log, acknowledged, what);
        for (int i = random.nextInt(30); i >= 0; i--) {
          acknowledged.addAll(append(log, random));
          if (random.nextInt(3) > 0) {
            acknowledged.addAll(append(log, random));
          }
          log.force();
        }
        DamagedLogTest.copyAll(disk, synced);
        for (int i = random.nextInt(4); i > 0; i--) {
          append(log, random);
        }
        DamagedLogTest.copyAll(disk, written);
      }
      mix(synced, written, random);
      DamagedLogTest.deleteAll(disk);
      DamagedLogTest.deleteAll(synced);
      disk = written;
    }
    DamagedLogTest.deleteAll(disk);
  }

  private static List<Envelope> append(ChronicleEventLog log, Random random) {
    int size = random.nextInt(10) == 0 ? random.nextInt(60_000) : random.nextInt(2000);
    return log.append(Drafts.batch(random.nextInt(1000), 1 + random.nextInt(12), size)).envelopes();
  }

  private static LogOptions options(Path folder, Random random, int boot) {
    return LogOptions.standard(folder)
        .withSizes(1 << 20, 200L << 10, 1L << 20)
        .withBootId("boot-" + boot)
        .withClock(new SteppingClock(random))
        .withCheckpoints(Optional.empty());
  }

  private static void check(ChronicleEventLog log, List<Envelope> acknowledged, String what) {
    for (LogDamage damage : log.status().damages()) {
      assertEquals(0, damage.firstLostSequence(), () -> what + ": " + damage);
    }
    assertTrue(log.lastSequence() >= acknowledged.size(), what);
    byte[] head = new byte[32];
    long sequence = 0;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(log.status().directory()).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Lost lost && lost.firstSequence() == 0) {
          continue;
        }
        LogEntry found = e.get();
        assertTrue(found instanceof LogEntry.Good, () -> what + ": " + found);
        Envelope envelope = ((LogEntry.Good) found).envelope();
        assertEquals(++sequence, envelope.sequence(), what);
        if (sequence <= acknowledged.size()) {
          assertEquals(acknowledged.get((int) sequence - 1), envelope, what);
        } else {
          // Never acknowledged, but there: from now on it counts.
          acknowledged.add(envelope);
        }
        head = envelope.hash();
      }
    }
    assertEquals(log.lastSequence(), sequence, what);
    assertArrayEquals(log.headHash(), head, what);
  }

  /** Takes back, page by page and by chance, what was written to records since the last force. */
  static void mix(Path synced, Path written, Random random) throws IOException {
    LogFolder folder = new LogFolder(written);
    int newest = folder.highestGeneration();
    // A generation begun since was forced when it began, so it has its first pages.
    Path old = LogFolder.recordFile(new LogFolder(synced).generationFolder(newest)).orElse(null);
    if (old == null) {
      return;
    }
    Path fresh = LogFolder.recordFile(folder.generationFolder(newest)).orElseThrow();
    try (RandomAccessFile from = new RandomAccessFile(old.toFile(), "r");
        RandomAccessFile to = new RandomAccessFile(fresh.toFile(), "rw")) {
      byte[] before = new byte[PAGE_BYTES];
      byte[] after = new byte[PAGE_BYTES];
      for (long at = 0; at + PAGE_BYTES <= from.length(); at += PAGE_BYTES) {
        from.seek(at);
        from.readFully(before);
        to.seek(at);
        to.readFully(after);
        if (!Arrays.equals(before, after) && random.nextBoolean()) {
          to.seek(at);
          to.write(before);
        }
      }
    }
  }
}
