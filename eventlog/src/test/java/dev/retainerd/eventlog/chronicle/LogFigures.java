package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Measures the log on this machine, beside what the disk gives to a plain file. Not a test: run its
 * main with the folder to use.
 */
final class LogFigures {
  private static final int PAYLOAD_BYTES = 60;
  private static final int ALONE = 3000;
  private static final int BATCHES = 3000;
  private static final int BATCH = 64;
  private static final int MANY = 1_000_000;

  private LogFigures() {}

  public static void main(String[] args) throws IOException {
    Path dir = Path.of(args[0]);
    Files.createDirectories(dir);
    long bytes = 300;
    figure("raw write+force of 300 B, median", raw(dir, 300, ALONE), "us");
    figure("raw write+force of 64 x 300 B, median", raw(dir, 64 * 300, BATCHES), "us");
    Path folder = dir.resolve("log");
    LogOptions options = LogOptions.standard(folder);
    try (ChronicleEventLog log = ChronicleEventLog.open(options)) {
      alone(log);
      figure("append+force of one event, median", alone(log), "us");
      figure("the same, 99th percentile", last99, "us");
      long begun = System.nanoTime();
      long[] times = new long[BATCHES];
      List<EnvelopeDraft> batch = Drafts.batch(1, BATCH, PAYLOAD_BYTES);
      for (int i = 0; i < BATCHES; i++) {
        long at = System.nanoTime();
        log.append(batch);
        log.force();
        times[i] = System.nanoTime() - at;
      }
      figure(
          "durable appends, 64 at once",
          BATCHES * (long) BATCH * 1_000_000_000L / (System.nanoTime() - begun),
          "/s");
      Arrays.sort(times);
      figure("one batch of 64, median", times[BATCHES / 2] / 1000, "us");
      begun = System.nanoTime();
      List<EnvelopeDraft> large = Drafts.batch(1, 250, PAYLOAD_BYTES);
      for (int i = 0; i < MANY / 250; i++) {
        log.append(large);
      }
      log.force();
      figure("appends, one force", MANY * 1_000_000_000L / (System.nanoTime() - begun), "/s");
    }
    verify(folder, false);
    verify(folder, true);
    long begun = System.nanoTime();
    ChronicleEventLog.open(options).close();
    figure("open and close after a clean stop", (System.nanoTime() - begun) / 1_000_000, "ms");
    Files.deleteIfExists(folder.resolve("generation-0001/seal"));
    begun = System.nanoTime();
    ChronicleEventLog.open(options).close();
    figure("open and close after a kill", (System.nanoTime() - begun) / 1_000_000, "ms");
    figure("bytes of one event", bytes, "B");
  }

  private static long last99;

  private static long alone(ChronicleEventLog log) {
    long[] times = new long[ALONE];
    List<EnvelopeDraft> one = Drafts.batch(1, 1, PAYLOAD_BYTES);
    for (int i = 0; i < ALONE; i++) {
      long at = System.nanoTime();
      log.append(one);
      log.force();
      times[i] = System.nanoTime() - at;
    }
    Arrays.sort(times);
    last99 = times[ALONE * 99 / 100] / 1000;
    return times[ALONE / 2] / 1000;
  }

  private static long raw(Path dir, int size, int count) throws IOException {
    long[] times = new long[count];
    Path file = dir.resolve("raw");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int i = 0; i < count; i++) {
        long at = System.nanoTime();
        channel.write(ByteBuffer.allocate(size));
        channel.force(false);
        times[i] = System.nanoTime() - at;
      }
    }
    Files.delete(file);
    Arrays.sort(times);
    return times[count / 2] / 1000;
  }

  private static void verify(Path folder, boolean chain) throws IOException {
    long begun = System.nanoTime();
    long events = 0;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(folder).walk(1, chain)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        events++;
      }
    }
    long nanos = System.nanoTime() - begun;
    String what = chain ? "verify CRC, sequence, chain, hash" : "read with CRC and sequence";
    figure(what, events * 1_000_000_000L / nanos, "events/s");
    long size = Files.size(folder.resolve("generation-0001/seal").resolveSibling("start"));
    for (var g : ReadOnlyLog.open(folder).generations()) {
      size += g.seal().map(s -> s.endPosition()).orElse(0L);
    }
    figure(what, size * 1000 / nanos, "MB/s");
  }

  private static void figure(String what, long value, String unit) {
    System.out.printf("%-45s %,12d %s%n", what, value, unit);
  }
}
