package dev.retainerd.eventlog.files;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The last event of a generation that was durable: its sequence and, as a check, the complement, in
 * eight bytes each, big-endian, all of it twice, so that a flipped bit in here and one in that very
 * event still do not pass for a batch that was torn. Written behind every force and never forced
 * itself, so it may be too small after a loss of power but never too large. Without it the loss of
 * the very last events, of which no later event tells that they were acknowledged, would look like
 * a batch that was torn.
 */
public final class Acknowledged implements Closeable {
  private static final int COPY_BYTES = 16;
  private static final int COPIES = 2;

  private final RandomAccessFile file;
  private final ByteBuffer buffer = ByteBuffer.allocate(COPIES * COPY_BYTES);

  private Acknowledged(RandomAccessFile file) {
    this.file = file;
  }

  /** Opens that of a generation for writing. Its block on the disk is taken at once. */
  public static Acknowledged create(Path generationFolder) throws IOException {
    Acknowledged made =
        new Acknowledged(new RandomAccessFile(path(generationFolder).toFile(), "rw"));
    made.put(0);
    return made;
  }

  /** Everything up to {@code sequence} is durable. */
  public void put(long sequence) throws IOException {
    buffer.clear();
    for (int copy = 0; copy < COPIES; copy++) {
      buffer.putLong(sequence).putLong(~sequence);
    }
    file.seek(0);
    file.write(buffer.array());
  }

  /** What a generation's says; 0 where it is missing, damaged or says nothing. */
  public static long read(Path generationFolder) throws IOException {
    Path file = path(generationFolder);
    if (!Files.isRegularFile(file) || Files.size(file) > COPIES * COPY_BYTES) {
      return 0;
    }
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
    long last = 0;
    while (bytes.remaining() >= COPY_BYTES) {
      long sequence = bytes.getLong();
      last = Math.max(last, sequence == ~bytes.getLong() ? sequence : 0);
    }
    return last;
  }

  private static Path path(Path generationFolder) {
    return generationFolder.resolve("acknowledged");
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
