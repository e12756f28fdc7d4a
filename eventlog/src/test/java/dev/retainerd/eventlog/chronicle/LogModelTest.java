package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tag;

/**
 * The log against a model of what it promises: random commands, clean stops, kills, losses of power
 * that take unsynced pages, bits that flip in any of its files, clocks that step. Every event that
 * was acknowledged is there as it was acknowledged, or is named as lost, and is lost only where a
 * bit flipped; no sequence is used twice; what can be read is chained.
 *
 * <p>One seed makes a run; a failure prints it.
 */
class LogModelTest {
  private static final int BOOTS = 6;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  @Property(tries = 15, shrinking = ShrinkingMode.OFF)
  void keepsItsPromises(@ForAll long seed) throws IOException {
    new Run(seed).boots();
  }

  @Tag("soak")
  @Property(tries = 2_000, shrinking = ShrinkingMode.OFF)
  void keepsItsPromisesInThousandsOfRuns(@ForAll long seed) throws IOException {
    new Run(seed).boots();
  }

  /** The run that a failure named: {@code -Dlog.model.seed=N}. */
  @Example
  void keepsItsPromisesInTheRunThatIsAskedFor() throws IOException {
    new Run(Long.getLong("log.model.seed", 1912)).boots();
  }

  /** One life of one disk. */
  private static final class Run {
    private final long seed;
    private final Random random;
    private final Path folder;

    /** What was acknowledged, or seen after a crash, by sequence. */
    private final TreeMap<Long, Envelope> known = new TreeMap<>();

    /** Sequences that a later opening or a reader named as lost. */
    private final TreeSet<Long> lost = new TreeSet<>();

    /** No event may get this sequence or one below it again. */
    private long floor;

    private int flips;
    private String what = "";

    Run(long seed) throws IOException {
      this.seed = seed;
      this.random = new Random(seed);
      this.folder = Files.createTempDirectory("log-model-");
    }

    void boots() throws IOException {
      try {
        Path disk = folder.resolve("disk-0");
        for (int boot = 0; boot < BOOTS; boot++) {
          what += (boot == 0 ? "seed " + seed : "") + ", boot " + boot;
          disk = boot(disk, folder.resolve("disk-" + (boot + 1)), boot);
        }
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what, e);
      } finally {
        DamagedLogTest.deleteAll(folder);
      }
    }

    /** Opens, does things, and ends in some way; returns where the disk is afterwards. */
    private Path boot(Path disk, Path next, int boot) throws IOException {
      Path synced = folder.resolve("synced");
      try (ChronicleEventLog log = ChronicleEventLog.open(options(disk, boot))) {
        check(log);
        for (int i = random.nextInt(25); i > 0; i--) {
          command(log);
        }
        log.force();
        if (random.nextInt(4) == 0) {
          log.close();
          DamagedLogTest.copyAll(disk, next);
        } else {
          DamagedLogTest.copyAll(disk, synced);
          for (int i = random.nextInt(4); i > 0; i--) {
            append(log);
          }
          DamagedLogTest.copyAll(disk, next);
        }
      }
      if (Files.exists(synced)) {
        if (random.nextBoolean()) {
          PowerLossTest.mix(synced, next, random);
        }
        DamagedLogTest.deleteAll(synced);
      }
      DamagedLogTest.deleteAll(disk);
      for (int i = random.nextInt(3); i > 0; i--) {
        flip(next);
      }
      return next;
    }

    private void command(ChronicleEventLog log) {
      switch (random.nextInt(6)) {
        case 0, 1, 2 -> {
          acknowledge(log, append(log));
        }
        case 3 -> {
          List<Envelope> batch = new ArrayList<>(append(log));
          batch.addAll(append(log));
          acknowledge(log, batch);
        }
        case 4 -> log.force();
        default -> readBack(log);
      }
    }

    private void acknowledge(ChronicleEventLog log, List<Envelope> batch) {
      log.force();
      batch.forEach(e -> known.put(e.sequence(), e));
      floor = log.lastSequence();
    }

    private List<Envelope> append(ChronicleEventLog log) {
      int size = random.nextInt(12) == 0 ? random.nextInt(50_000) : random.nextInt(1_500);
      List<Envelope> batch =
          log.append(Drafts.batch(random.nextInt(1000), 1 + random.nextInt(10), size)).envelopes();
      assertTrue(batch.getFirst().sequence() > floor, what + ": a sequence is used again");
      return batch;
    }

    /** A reader from anywhere gets what was acknowledged from there on. */
    private void readBack(ChronicleEventLog log) {
      List<Long> readable = known.keySet().stream().filter(s -> !lost.contains(s)).toList();
      if (readable.isEmpty() || flips > 0) {
        return;
      }
      long from = readable.get(random.nextInt(readable.size()));
      try (LogReader reader = log.reader(from)) {
        for (long sequence : known.tailMap(from).keySet()) {
          assertEquals(known.get(sequence), reader.poll(PATIENCE).orElseThrow(), what);
        }
      } catch (InterruptedException e) {
        throw new AssertionError(what, e);
      }
    }

    private void check(ChronicleEventLog log) {
      TreeSet<Long> named = new TreeSet<>();
      for (LogDamage damage : log.status().damages()) {
        for (long s = damage.firstLostSequence(); s > 0 && s <= damage.lastLostSequence(); s++) {
          named.add(s);
        }
      }
      assertTrue(named.isEmpty() || flips > 0, () -> what + ": " + log.status().damages());
      TreeMap<Long, Envelope> found = walk(log);
      for (long sequence : known.keySet()) {
        if (found.containsKey(sequence)) {
          assertEquals(known.get(sequence), found.get(sequence), what);
        } else {
          assertTrue(flips > 0, what + ": event " + sequence + " is lost though no bit flipped");
          assertTrue(
              lost.contains(sequence) || named.contains(sequence),
              what + ": event " + sequence + " is lost and nobody says so");
        }
      }
      lost.addAll(named);
      found.forEach(known::putIfAbsent);
      floor = log.lastSequence();
      assertTrue(
          known.isEmpty() || log.lastSequence() >= known.lastKey(),
          what + ": the sequence goes back to " + log.lastSequence());
      long last = found.isEmpty() ? 0 : found.lastKey();
      if (last == log.lastSequence() && last > 0) {
        assertArrayEquals(found.get(last).hash(), log.headHash(), what);
      }
    }

    private TreeMap<Long, Envelope> walk(ChronicleEventLog log) {
      TreeMap<Long, Envelope> found = new TreeMap<>();
      try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(log.status().directory()).walk(1, true)) {
        for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
          switch (e.get()) {
            case LogEntry.Good good ->
                assertTrue(
                    found.put(good.envelope().sequence(), good.envelope()) == null,
                    what + ": event " + good.envelope().sequence() + " is there twice");
            case LogEntry.Lost gap -> {
              for (long s = gap.firstSequence(); s > 0 && s <= gap.lastSequence(); s++) {
                lost.add(s);
              }
            }
            case LogEntry.ChainBroken broken -> throw new AssertionError(what + ": " + broken);
            case LogEntry.HashWrong wrong -> throw new AssertionError(what + ": " + wrong);
          }
        }
      }
      return found;
    }

    /** One bit of one file, of the part that is in use. */
    private void flip(Path disk) throws IOException {
      List<Path> files;
      try (Stream<Path> tree = Files.walk(disk)) {
        files =
            tree.filter(Files::isRegularFile)
                .filter(f -> !f.endsWith("lock") && !f.toString().contains("set-aside"))
                .sorted()
                .toList();
      }
      Path file = files.get(random.nextInt(files.size()));
      try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
        long end = Math.min(bytes.length(), 300_000);
        if (end > 0) {
          long at = random.nextLong(end);
          bytes.seek(at);
          int old = bytes.read();
          bytes.seek(at);
          bytes.write(old ^ 1 << random.nextInt(8));
          flips++;
          what += ", flipped " + disk.relativize(file) + " at " + at;
        }
      }
    }

    private LogOptions options(Path disk, int boot) {
      return LogOptions.standard(disk)
          .withSizes(1 << 20, 150L << 10, 1L << 20)
          .withBootId("boot-" + boot)
          .withClock(new SteppingClock(random))
          .withCheckpoints(Optional.empty());
    }
  }
}
