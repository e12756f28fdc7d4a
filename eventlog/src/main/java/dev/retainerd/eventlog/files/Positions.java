package dev.retainerd.eventlog.files;

import java.io.Closeable;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where every 512th event of a generation stands: pairs of sequence and position, eight bytes each,
 * big-endian. A hint for finding an event fast; it may be missing, short or wrong, so whoever uses
 * it checks the record it points at.
 */
public final class Positions implements Closeable {
  /** Every how many events a pair is written. */
  public static final int INTERVAL = 512;

  private static final int PAIR_BYTES = 16;
  private static final int BOUND_BYTES = 64 << 20;

  private final FileOutputStream out;

  private Positions(FileOutputStream out) {
    this.out = out;
  }

  /** Opens the hints of a generation for writing. */
  public static Positions create(Path generationFolder) throws IOException {
    return new Positions(new FileOutputStream(file(generationFolder).toFile(), true));
  }

  /** Adds a pair, if this sequence is due one. */
  public void offer(long sequence, long position) throws IOException {
    if (sequence % INTERVAL == 0) {
      out.write(ByteBuffer.allocate(PAIR_BYTES).putLong(sequence).putLong(position).array());
    }
  }

  /** The position of the last pair at or before {@code sequence}; 0 where there is none. */
  public static long before(Path generationFolder, long sequence) throws IOException {
    Path file = file(generationFolder);
    if (!Files.isRegularFile(file) || Files.size(file) > BOUND_BYTES) {
      return 0;
    }
    ByteBuffer pairs = ByteBuffer.wrap(readAll(file));
    int low = 0;
    int high = pairs.limit() / PAIR_BYTES - 1;
    long best = 0;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (pairs.getLong(middle * PAIR_BYTES) <= sequence) {
        best = pairs.getLong(middle * PAIR_BYTES + 8);
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return best;
  }

  /** The sequence of the last pair; 0 where there is none. */
  public static long lastSequence(Path generationFolder) throws IOException {
    Path file = file(generationFolder);
    if (!Files.isRegularFile(file) || Files.size(file) > BOUND_BYTES) {
      return 0;
    }
    ByteBuffer pairs = ByteBuffer.wrap(readAll(file));
    int count = pairs.limit() / PAIR_BYTES;
    return count == 0 ? 0 : pairs.getLong((count - 1) * PAIR_BYTES);
  }

  /** Not through a channel, which an interrupt of the reader's thread would close. */
  private static byte[] readAll(Path file) throws IOException {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      return in.readAllBytes();
    }
  }

  private static Path file(Path generationFolder) {
    return generationFolder.resolve("positions");
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
