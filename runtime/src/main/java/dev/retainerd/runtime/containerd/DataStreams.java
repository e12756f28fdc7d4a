package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.containerd.types.transfer.Data;
import dev.retainerd.wire.containerd.types.transfer.WindowUpdate;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.Optional;

/**
 * Bytes over a client's stream: the receiver says by window updates how much it takes. Source:
 * containerd's transfer streams.
 */
final class DataStreams {
  private static final int PART_BYTES = 32 * 1024;
  private static final int WINDOW_BYTES = 1 << 20;

  private DataStreams() {}

  private static <M extends Message> Optional<M> as(Any any, M kind) {
    return Translation.unpacked(any, kind, "a message of the stream cannot be read");
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("the transfer was interrupted");
  }

  /** What the client sends, until it ends its side. */
  static InputStream reading(Streams.Duplex stream) {
    return new Reading(stream);
  }

  private static final class Reading extends InputStream {
    private final Streams.Duplex stream;
    private ByteString part = ByteString.EMPTY;
    private int at;
    private int window;
    private boolean over;

    Reading(Streams.Duplex stream) {
      this.stream = stream;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      while (at == part.size()) {
        if (over || !next()) {
          over = true;
          return -1;
        }
      }
      int count = Math.min(length, part.size() - at);
      part.copyTo(into, at, offset, count);
      at += count;
      return count;
    }

    private boolean next() throws IOException {
      try {
        if (window < WINDOW_BYTES / 2) {
          int more = WINDOW_BYTES - window;
          stream.send(Translation.packed(WindowUpdate.newBuilder().setUpdate(more).build()));
          window += more;
        }
        Optional<Any> message = stream.receive();
        if (message.isEmpty()) {
          return false;
        }
        Optional<Data> data = as(message.get(), Data.getDefaultInstance());
        part = data.map(Data::getData).orElse(ByteString.EMPTY);
        at = 0;
        window -= part.size();
        return true;
      } catch (InterruptedException e) {
        throw interrupted();
      }
    }
  }

  /** Sends to the client; closing it ends our side of the stream. */
  static OutputStream writing(Streams.Duplex stream) {
    return new Writing(stream);
  }

  private static final class Writing extends OutputStream {
    private final Streams.Duplex stream;
    private final byte[] buffer = new byte[PART_BYTES];
    private int filled;
    private long window;

    Writing(Streams.Duplex stream) {
      this.stream = stream;
    }

    @Override
    public void write(int one) throws IOException {
      write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      int done = 0;
      while (done < length) {
        int part = Math.min(length - done, PART_BYTES - filled);
        System.arraycopy(bytes, offset + done, buffer, filled, part);
        filled += part;
        done += part;
        if (filled == PART_BYTES) {
          flush();
        }
      }
    }

    @Override
    public void flush() throws IOException {
      int sent = 0;
      try {
        while (sent < filled) {
          while (window == 0) {
            Any message =
                stream
                    .receive()
                    .orElseThrow(() -> Refusal.cancelled("the client has ended its stream"));
            as(message, WindowUpdate.getDefaultInstance())
                .ifPresent(update -> window += Math.max(0, update.getUpdate()));
          }
          int part = (int) Math.min(window, filled - sent);
          stream.send(
              Translation.packed(
                  Data.newBuilder().setData(ByteString.copyFrom(buffer, sent, part)).build()));
          window -= part;
          sent += part;
        }
        filled = 0;
      } catch (InterruptedException e) {
        throw interrupted();
      }
    }

    @Override
    public void close() throws IOException {
      flush();
      stream.close();
    }
  }
}
