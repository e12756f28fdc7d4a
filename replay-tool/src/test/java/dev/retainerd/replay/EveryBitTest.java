package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.EnvelopeHash;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * No bit of a megabyte of events can be flipped unseen. A record is all of its bytes: its word, the
 * event, and the zeros behind it. Chronicle's own records between them hold nothing of the history,
 * and nobody reads them.
 */
class EveryBitTest {
  private static final long BITS = 8L << 20;

  @TempDir Path folder;
  private Path log;
  private Path file;
  private byte[] bytes;
  private final List<RecordScanner.Sound> records = new ArrayList<>();

  @BeforeEach
  void aMegabyteOfEvents() throws IOException {
    log = folder.resolve("log");
    BusyNode.write(log, 3_000, 11, Optional.empty());
    try (Stream<Path> files = Files.walk(log)) {
      file = files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
    bytes = Files.readAllBytes(file);
    RecordScanner scanner = new RecordScanner(new Memory(bytes), 0, bytes.length);
    long size = 0;
    while (size < BITS / 8 && scanner.next(false) instanceof RecordScanner.Sound sound) {
      records.add(sound);
      size += sound.end() - sound.position();
    }
    assertTrue(size >= BITS / 8, "the log holds only " + size + " bytes of events");
  }

  /** What the scan of one record and the next says with a bit flipped, as the verifier asks it. */
  private boolean detected(RecordScanner.Sound record, long bit, EnvelopeHash hash)
      throws IOException {
    int at = (int) (record.position() + bit / 8);
    byte flip = (byte) (1 << bit % 8);
    bytes[at] ^= flip;
    try {
      long limit = Math.min(bytes.length, record.end() + 4096);
      RecordScanner scanner = new RecordScanner(new Memory(bytes), record.position(), limit);
      if (!(scanner.next(true) instanceof RecordScanner.Sound found)) {
        return true;
      }
      return found.position() != record.position()
          || found.encoded().sequence() != record.encoded().sequence()
          || !found.padded()
          || !found.encoded().hasHash(hash.ofBytes(found.bytes()))
          || !java.util.Arrays.equals(found.encoded().hash(), record.encoded().hash());
    } finally {
      bytes[at] ^= flip;
    }
  }

  @Test
  @Tag("soak")
  void everyBit() throws IOException {
    EnvelopeHash hash = new EnvelopeHash();
    long tried = 0;
    long seen = 0;
    for (RecordScanner.Sound record : records) {
      long bits = 8 * (record.end() - record.position());
      for (long bit = 0; bit < bits && tried < BITS; bit++) {
        tried++;
        seen += detected(record, bit, hash) ? 1 : 0;
      }
    }
    System.out.println(seen + " of " + tried + " single-bit flips detected");
    assertEquals(BITS, tried);
    assertEquals(tried, seen);
  }

  @Test
  void aSampleOfBits() throws IOException {
    EnvelopeHash hash = new EnvelopeHash();
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      RecordScanner.Sound record = records.get(random.nextInt(records.size()));
      long bit = random.nextLong(8 * (record.end() - record.position()));
      assertTrue(
          detected(record, bit, hash),
          () -> "bit " + bit + " of event " + record.encoded().sequence());
    }
  }

  /** The whole way through rewind verify, for fewer bits. */
  @Test
  void rewindItselfFindsThem() throws IOException {
    Random random = new Random(6);
    for (int i = 0; i < 60; i++) {
      RecordScanner.Sound record = records.get(random.nextInt(records.size()));
      long bit = random.nextLong(8 * (record.end() - record.position()));
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

  private record Memory(byte[] bytes) implements RecordSource {
    @Override
    public int read(ByteBuffer into, long position) {
      int n = (int) Math.min(into.remaining(), bytes.length - position);
      if (n <= 0) {
        return -1;
      }
      into.put(bytes, (int) position, n);
      return n;
    }

    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public void close() {}
  }
}
