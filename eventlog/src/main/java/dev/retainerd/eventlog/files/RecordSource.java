package dev.retainerd.eventlog.files;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Where the bytes of a record file come from. */
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

  /** As {@link FileChannel#read(ByteBuffer, long)}. */
  int read(ByteBuffer into, long position) throws IOException;

  /** Bytes there are now. */
  long size() throws IOException;

  /** A file, opened for reading only. */
  static RecordSource ofFile(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    return new RecordSource() {
      @Override
      public int read(ByteBuffer into, long position) throws IOException {
        return channel.read(into, position);
      }

      @Override
      public long size() throws IOException {
        return channel.size();
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }
}
