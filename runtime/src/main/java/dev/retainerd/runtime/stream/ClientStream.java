package dev.retainerd.runtime.stream;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One stream of a connection: what the client sends on it, and a way to send to the client.
 *
 * @param id the stream's number within its connection
 * @param input what the client sends
 * @param output what the client gets; closing it half-closes the stream
 * @param gone completes when the client has dropped the stream or the whole connection
 */
record ClientStream(int id, InboundBytes input, OutputStream output, CompletableFuture<Void> gone) {

  static ClientStream of(int id, Connection connection) {
    return new ClientStream(
        id,
        new InboundBytes(connection.gate()),
        new Output(id, connection),
        new CompletableFuture<>());
  }

  /** The client has dropped it. */
  void drop() {
    input.end();
    gone.complete(null);
  }

  /** Writes in pieces that a frame holds. */
  private static final class Output extends OutputStream {
    private static final int LARGEST_PIECE = 32 << 10;

    private final int id;
    private final Connection connection;
    private final AtomicBoolean closed = new AtomicBoolean();

    Output(int id, Connection connection) {
      this.id = id;
      this.connection = connection;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (closed.get()) {
        throw new IOException("this side of the stream was closed already");
      }
      for (int done = 0; done < length; ) {
        int piece = Math.min(LARGEST_PIECE, length - done);
        connection.write(id, bytes, offset + done, piece);
        done += piece;
      }
    }

    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        connection.end(id);
      }
    }
  }
}
