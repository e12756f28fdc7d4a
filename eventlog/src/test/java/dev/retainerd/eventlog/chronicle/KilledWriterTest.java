package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KilledWriterTest {
  @TempDir Path dir;

  @Test
  void killedAgainAndAgainItLosesNothingThatItSaidWasDurable() throws Exception {
    Path folder = dir.resolve("log");
    Random random = new Random(4);
    for (int round = 0; round < 5; round++) {
      Process child = WritingChild.start(folder);
      long acknowledged = killAfter(child, 100 + random.nextInt(1500));
      try (ChronicleEventLog log =
          ChronicleEventLog.open(
              LogOptions.standard(folder).withSizes(1 << 20, 1L << 30, 1L << 20))) {
        assertTrue(log.lastSequence() >= acknowledged, log.lastSequence() + "<" + acknowledged);
        assertEquals(List.of(), log.status().damages());
      }
      assertWhole(folder, acknowledged);
    }
  }

  @Test
  void aReaderBesideALiveWriterSeesEveryEventOnceAndWritesNothing() throws Exception {
    Path folder = dir.resolve("log");
    Process child = WritingChild.start(folder);
    try (BufferedReader lines = child.inputReader()) {
      long acknowledged = Long.parseLong(lines.readLine());
      ReadOnlyLog log = ReadOnlyLog.open(folder);
      long expected = 1;
      try (ReadOnlyLog.Walk walk = log.walk(1, true)) {
        while (expected < 5000) {
          Optional<LogEntry> entry = walk.await(Duration.ofSeconds(30));
          LogEntry.Good good = (LogEntry.Good) entry.orElseThrow();
          assertEquals(expected++, good.envelope().sequence());
        }
      }
      assertTrue(acknowledged > 0);
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void readingALogLeavesItAsItWas() throws Exception {
    Path folder = dir.resolve("log");
    killAfter(WritingChild.start(folder), 300);
    TreeMap<String, String> before = print(folder);
    ReadOnlyLog log = ReadOnlyLog.open(folder);
    try (ReadOnlyLog.Walk walk = log.walk(1, true)) {
      while (walk.next().isPresent()) {
        assertTrue(walk.nextSequence() > 1);
      }
    }
    assertTrue(log.lastSequence() > 0 && log.get(3).isPresent());
    assertEquals(before, print(folder));
  }

  /** Lets it make so many lines, kills it, and returns the last event it called durable. */
  private static long killAfter(Process child, int lines) throws Exception {
    long acknowledged = 0;
    try (BufferedReader out = child.inputReader()) {
      for (int i = 0; i < lines; i++) {
        acknowledged = Long.parseLong(out.readLine());
      }
      child.toHandle().destroyForcibly();
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        acknowledged = line.matches("[0-9]+") ? Math.max(acknowledged, prefix(line)) : acknowledged;
      }
    } finally {
      child.destroyForcibly().waitFor();
    }
    return acknowledged;
  }

  /** The last line may be cut short by the kill: then it is a smaller number, which is no harm. */
  private static long prefix(String line) {
    return Long.parseLong(line);
  }

  private static void assertWhole(Path folder, long atLeast) {
    long expected = 1;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(folder).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        assertTrue(e.get() instanceof LogEntry.Good, e.get()::toString);
        assertEquals(expected++, ((LogEntry.Good) e.get()).envelope().sequence());
      }
    }
    assertTrue(expected > atLeast);
  }

  private static TreeMap<String, String> print(Path folder) throws Exception {
    TreeMap<String, String> print = new TreeMap<>();
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.toList()) {
        String content =
            Files.isRegularFile(path)
                ? java.util.HexFormat.of()
                    .formatHex(
                        java.security.MessageDigest.getInstance("SHA-256")
                            .digest(Files.readAllBytes(path)))
                : "";
        print.put(path.toString(), Files.getLastModifiedTime(path) + " " + content);
      }
    }
    return print;
  }
}
