package dev.retainerd.shim.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class CriFormatTest {
  private static final int MOST = LogSettings.USUAL_LINE_BYTES;

  @Test
  void timeIsRfc3339InNanosecondsWithoutCuttingZeros() {
    assertEquals(
        "2026-01-02T03:04:05.000000070Z stderr ",
        new String(
            CriFormat.prefix(Instant.parse("2026-01-02T03:04:05.000000070Z"), "stderr"),
            StandardCharsets.US_ASCII));
  }

  @Test
  void lineOfExactlyTheLimitIsFullAndOneMoreIsPartial() {
    byte[] line = new byte[MOST + 2];
    Arrays.fill(line, (byte) 'x');
    line[MOST] = '\n';
    assertEquals(new CriFormat.Step(MOST, true), CriFormat.next(line, 0, MOST + 1, false, MOST));
    // Whether it is full cannot be known before the next byte.
    assertNull(CriFormat.next(line, 0, MOST, false, MOST));
    line[MOST] = 'x';
    assertEquals(
        new CriFormat.Step(MOST, false), CriFormat.next(line, 0, line.length, false, MOST));
  }

  /**
   * Whatever the bytes and wherever the log is cut, the count finds the stream's position again.
   */
  @Property(tries = 300)
  void countingFindsThePositionAgainWhereverTheLogIsTorn(
      @ForAll("streams") byte[] stream, @ForAll int cutSeed) {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    byte[] prefix = CriFormat.prefix(Instant.EPOCH, "stdout");
    int at = 0;
    int[] position = new int[stream.length + 2];
    int[] size = new int[stream.length + 2];
    int entries = 0;
    while (true) {
      CriFormat.Step step = CriFormat.next(stream, at, stream.length, true, MOST);
      if (step == null) {
        break;
      }
      log.writeBytes(prefix);
      log.writeBytes((step.full() ? "F " : "P ").getBytes(StandardCharsets.US_ASCII));
      log.write(stream, at, step.contentBytes());
      log.write('\n');
      at += step.streamBytes();
      entries++;
      position[entries] = at;
      size[entries] = log.size();
    }
    assertEquals(stream.length, at);
    int cut = Math.floorMod(cutSeed, log.size() + 1);
    CriFormat.Counter counter = new CriFormat.Counter("stdout", "stderr");
    counter.add(log.toByteArray(), cut);
    int whole = 0;
    while (whole < entries && size[whole + 1] <= cut) {
      whole++;
    }
    assertEquals(position[whole], counter.count(0));
    assertEquals(0, counter.count(1));
    assertEquals(size[whole], counter.wholeBytes());
  }

  @Provide
  Arbitrary<byte[]> streams() {
    return Arbitraries.of((byte) '\n', (byte) ' ', (byte) 'F', (byte) 0, (byte) 0xff)
        .array(byte[].class)
        .ofMaxSize(200);
  }
}
