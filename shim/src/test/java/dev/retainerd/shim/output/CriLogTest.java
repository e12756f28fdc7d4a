package dev.retainerd.shim.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.retainerd.shim.posix.Posix;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
      CriLog opened = CriLog.open(log, folder);
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
    CriLog last = CriLog.open(log, folder);
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
    CriLog opened = CriLog.open(log, folder);
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
    CriLog next = CriLog.open(log, folder);
    Sink nextSink = next.sink(0);
    feed(pipe[1], "five\n".getBytes());
    takeAll(nextSink, pipe[0]);
    assertEquals(
        "one\ntwo\nthree\nfour\nfive\n",
        new String(content(folder.resolve("0.log.1"), folder.resolve("0.log.2"), log)));
    nextSink.close();
  }
}
