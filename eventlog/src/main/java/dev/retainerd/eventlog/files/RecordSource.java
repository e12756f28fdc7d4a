package dev.retainerd.eventlog.files;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;

/** Where the bytes of a record file come from. One thread at a time. */
public interface RecordSource extends Closeable {

  /** A source without a byte. */
  RecordSource EMPTY =
      new RecordSource() {
        @Override
        public int read(ByteBuffer into, long position) {
          return -1;
        }

        @Override
        public long size() {
          return 0;
        }

        @Override
        public void close() {}
      };

  /**
   * Reads bytes into a buffer that has an array.
   *
   * @return how many; -1 at the end
   */
  int read(ByteBuffer into, long position) throws IOException;

  /** Bytes there are now. */
  long size() throws IOException;

  /** The records of a generation, packed or not; {@link #EMPTY} where their file is missing. */
  static RecordSource of(Generation generation) throws IOException {
    Optional<Path> file = generation.recordFile();
    if (file.isEmpty()) {
      return EMPTY;
    }
    return generation.archived() ? SeekableZstd.open(file.get()) : ofFile(file.get());
  }

  /**
   * A file, opened for reading only. An interrupt of the reading thread does not close it, as it
   * would a channel.
   */
  static RecordSource ofFile(Path path) throws IOException {
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
    return new RecordSource() {
      @Override
      public int read(ByteBuffer into, long position) throws IOException {
        file.seek(position);
        int n = file.read(into.array(), into.arrayOffset() + into.position(), into.remaining());
        if (n > 0) {
          into.position(into.position() + n);
        }
        return n;
      }

      @Override
      public long size() throws IOException {
        return file.length();
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }
}
