package dev.retainerd.runtime.registry;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Where a blob's bytes go. Called by one thread at a time. */
public interface BlobSink {

  /** Bytes it has already: the download goes on behind them. */
  long offset();

  /** Takes all of the buffer. */
  void write(ByteBuffer bytes) throws IOException;

  /** Throws away what it has: the server sends the blob from its start. */
  void restart() throws IOException;
}
