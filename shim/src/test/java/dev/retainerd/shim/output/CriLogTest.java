package dev.retainerd.shim.output;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A log whose writer is forgotten at any step and opened again by another. */
class CriLogTest {
  @TempDir Path folder;

  private static void feed(int pipe, byte[] bytes) throws IOException {
    Posix.writeAll(pipe, bytes);
  }

  private static void takeAll(Sink sink, int pipe) {
    while (sink.take(pipe, 1 << 20) > 0) {
      // All of it.
    }
  }

  /** The bytes of stdout that the log holds. */
  private static byte[] content(Path... logs) throws IOException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (Path log : logs) {
      byte[] bytes = Files.readAllBytes(log);
      int start = 0;
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] == '\n') {
          int at = start;
          for (int space = 0; space < 3; at++) {
            space += bytes[at] == ' ' ? 1 : 0;
          }
          content.write(bytes, at, i - at);
          if (bytes[at - 2] == 'F') {
            content.write('\n');
          }
          start = i + 1;
        }
      }
    }
    return content.toByteArray();
  }

  @Test
  void forgottenAtRandomStepsWithTornTailsNoByteIsLostOrDoubled() throws Exception {
    Random random = new Random(7);
    Path log = folder.resolve("0.log");
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int[] pipe = Posix.pipe();
    Posix.setBlocking(pipe[0], false);
    for (int round = 0; round < 60; round++) {
      CriLog opened = CriLog.open(log, folder, LogSettings.USUAL);
      Sink sink = opened.sink(0);
      for (int i = random.nextInt(4); i >= 0; i--) {
        byte[] bytes = new byte[random.nextInt(40_000)];
        random.nextBytes(bytes);
        for (int at = 0; at < bytes.length; at += 1 + random.nextInt(3_000)) {
          bytes[at] = '\n';
        }
        feed(pipe[1], bytes);
        all.writeBytes(bytes);
        takeAll(sink, pipe[0]);
      }
      // No close: the writer is just not there any more. Its last write may have been cut short.
      long size = Files.size(log);
      if (size > 10 && random.nextBoolean()) {
        try (var channel = java.nio.channels.FileChannel.open(log, StandardOpenOption.WRITE)) {
          byte[] tail = Files.readAllBytes(log);
          int lastLine = tail.length - 1;
          while (lastLine > 0 && tail[lastLine - 1] != '\n') {
            lastLine--;
          }
          boolean spooled = size - lastLine < 20_000 && lastLineIsSpooled(tail, lastLine);
          if (spooled) {
            channel.truncate(lastLine + random.nextInt((int) (size - lastLine)));
          }
        }
      }
    }
    CriLog last = CriLog.open(log, folder, LogSettings.USUAL);
    Sink sink = last.sink(0);
    takeAll(sink, pipe[0]);
    sink.flush();
    assertArrayEquals(all.toByteArray(), content(log));
    sink.close();
    Posix.close(pipe[0]);
    Posix.close(pipe[1]);
  }

  /** Only what came after the checkpoint can have been torn by a death. */
  private boolean lastLineIsSpooled(byte[] log, int lastLine) throws IOException {
    String[] checkpoint = Files.readString(folder.resolve("log-position")).split(" ");
    return lastLine >= Long.parseLong(checkpoint[2]);
  }

  @Test
  void rotationByRenameLosesNothingWhoeverReopens() throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = Posix.pipe();
    Posix.setBlocking(pipe[0], false);
    CriLog opened = CriLog.open(log, folder, LogSettings.USUAL);
    Sink sink = opened.sink(0);
    feed(pipe[1], "one\ntwo".getBytes());
    takeAll(sink, pipe[0]);
    Files.move(log, folder.resolve("0.log.1"));
    opened.reopen();
    feed(pipe[1], "\nthree\n".getBytes());
    takeAll(sink, pipe[0]);
    // Rotated again, and the writer dies before it is told.
    Files.move(log, folder.resolve("0.log.2"));
    feed(pipe[1], "four\n".getBytes());
    takeAll(sink, pipe[0]);
    CriLog next = CriLog.open(log, folder, LogSettings.USUAL);
    Sink nextSink = next.sink(0);
    feed(pipe[1], "five\n".getBytes());
    takeAll(nextSink, pipe[0]);
    assertEquals(
        "one\ntwo\nthree\nfour\nfive\n",
        new String(content(folder.resolve("0.log.1"), folder.resolve("0.log.2"), log)));
    nextSink.close();
  }

  private static byte[] letters(int count) {
    byte[] line = new byte[count];
    Arrays.fill(line, (byte) 'x');
    return line;
  }

  /** The entries as TAG:BYTES. */
  private static List<String> entries(Path log) throws IOException {
    List<String> entries = new ArrayList<>();
    for (String line : Files.readString(log).split("\n")) {
      String[] fields = line.split(" ", 4);
      entries.add(fields[2] + ":" + fields[3].length());
    }
    return entries;
  }

  /** As much as the pipe takes, then it is emptied, and so on. */
  private static void feedAll(int[] pipe, Sink sink, byte[] bytes) throws IOException {
    for (int at = 0; at < bytes.length; at += 50_000) {
      feed(pipe[1], Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + 50_000)));
      takeAll(sink, pipe[0]);
    }
  }

  private static int[] pipe() throws IOException {
    int[] pipe = Posix.pipe();
    Posix.setBlocking(pipe[0], false);
    return pipe;
  }

  /** A line as long as the limit is whole; one byte more goes into another entry. */
  @ParameterizedTest
  @ValueSource(ints = {1, 7, 4096, 16_384, 65_535, 65_536, 65_537, 200_000, 1_500_000})
  void lineIsCutAtTheLimitAndNotBefore(int limit) throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = pipe();
    CriLog opened = CriLog.open(log, folder, new LogSettings(limit, 0, 0, 5));
    Sink sink = opened.sink(0);
    feedAll(pipe, sink, letters(limit));
    feedAll(pipe, sink, "\n".getBytes());
    feedAll(pipe, sink, letters(limit + 1));
    feedAll(pipe, sink, "\nend\n".getBytes());
    List<String> wanted = new ArrayList<>(List.of("F:" + limit, "P:" + limit, "F:1"));
    wanted.addAll(limit < 3 ? List.of("P:1", "P:1", "F:1") : List.of("F:3"));
    assertEquals(wanted, entries(log));
    sink.close();
  }

  @Test
  void withoutALimitALineIsWholeHoweverLongItIs() throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = pipe();
    int length = 3_000_001;
    CriLog opened = CriLog.open(log, folder, new LogSettings(0, 0, 0, 5));
    Sink sink = opened.sink(0);
    feedAll(pipe, sink, letters(length));
    assertEquals(0, Files.size(log));
    // Its writer is forgotten before the end of the line is seen.
    CriLog next = CriLog.open(log, folder, new LogSettings(0, 0, 0, 5));
    Sink nextSink = next.sink(0);
    feedAll(pipe, nextSink, "\nshort\n".getBytes());
    assertEquals(List.of("F:" + length, "F:5"), entries(log));
    feedAll(pipe, nextSink, letters(100_000));
    nextSink.flush();
    assertEquals(List.of("F:" + length, "F:5", "P:100000"), entries(log));
    nextSink.close();
  }

  /** Something has to give: the spool is memory. */
  @Test
  void lineWithoutAnEndIsCutWhereTheSpoolWouldGrowWithoutBound() throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = pipe();
    CriLog opened = CriLog.open(log, folder, new LogSettings(0, 0, 0, 5));
    Sink sink = opened.sink(0);
    feedAll(pipe, sink, letters(LogSettings.LONGEST_LINE_BYTES + 70_000));
    feedAll(pipe, sink, "\n".getBytes());
    assertEquals(List.of("P:" + LogSettings.LONGEST_LINE_BYTES, "F:70000"), entries(log));
    sink.close();
  }

  @Test
  void limitThatChangesHoldsFromTheNextEntryOnAndForSuccessors() throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = pipe();
    CriLog opened = CriLog.open(log, folder, LogSettings.USUAL);
    Sink sink = opened.sink(0);
    feedAll(pipe, sink, (new String(letters(30), UTF_8) + "\n").getBytes());
    opened.set(opened.settings().with(Map.of("max_line_bytes", 20L)));
    feedAll(pipe, sink, (new String(letters(30), UTF_8) + "\n").getBytes());
    CriLog next = CriLog.open(log, folder, LogSettings.USUAL);
    Sink nextSink = next.sink(0);
    feedAll(pipe, nextSink, (new String(letters(30), UTF_8) + "\n").getBytes());
    assertEquals(List.of("F:30", "P:20", "F:10", "P:20", "F:10"), entries(log));
    nextSink.close();
  }

  /** Rotation of its own: nothing is lost but the oldest file, and a successor goes on in it. */
  @Test
  void rotatesBySizeAndKeepsTheNewestFiles() throws Exception {
    Path log = folder.resolve("0.log");
    int[] pipe = pipe();
    LogSettings rotated = new LogSettings(16_384, 0, 4096, 3);
    Sink sink = CriLog.open(log, folder, rotated).sink(0);
    for (int i = 0; i < 400; i++) {
      feedAll(pipe, sink, ("line " + i + " of many\n").getBytes());
      if (i % 37 == 0) {
        sink = CriLog.open(log, folder, rotated).sink(0);
      }
    }
    Path first = folder.resolve("0.log.1");
    Path second = folder.resolve("0.log.2");
    assertTrue(Files.size(first) >= 4096 && Files.size(first) < 5000);
    assertTrue(Files.exists(second) && !Files.exists(folder.resolve("0.log.3")));
    String kept = new String(content(second, first, log), UTF_8);
    String last = kept.substring(kept.indexOf("line "));
    int from = Integer.parseInt(last.split(" ")[1]);
    StringBuilder wanted = new StringBuilder();
    for (int i = from; i < 400; i++) {
      wanted.append("line ").append(i).append(" of many\n");
    }
    assertEquals(wanted.toString(), kept);
    sink.close();
  }

  @Test
  void settingsThatAreNoneAreRefusedByName() {
    assertEquals(
        "a log's settings: max_files is from 2 to 1000, not 1",
        assertThrows(TtrpcException.class, () -> LogSettings.parse("max_files=1")).getMessage());
    assertTrue(
        assertThrows(TtrpcException.class, () -> LogSettings.parse("colour=3"))
            .getMessage()
            .contains("there is no setting colour"));
    assertTrue(
        assertThrows(TtrpcException.class, () -> LogSettings.parse("max_line_bytes"))
            .getMessage()
            .contains("is no NAME=NUMBER"));
  }
}
