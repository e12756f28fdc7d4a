package dev.retainerd.runtime.image;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongConsumer;

/** Tells how many bytes have been read from a stream. For one thread. */
final class CountedStream extends FilterInputStream {
  private final LongConsumer teller;
  private long count;

  CountedStream(InputStream in, LongConsumer teller) {
    super(in);
    this.teller = teller;
  }

  @Override
  public int read() throws IOException {
    int read = super.read();
    if (read >= 0) {
      teller.accept(++count);
    }
    return read;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    int read = super.read(into, offset, length);
    if (read > 0) {
      count += read;
      teller.accept(count);
    }
    return read;
  }
}
