package dev.retainerd.shim.protocol;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * One message of the ttrpc protocol (containerd/ttrpc, PROTOCOL.md): ten bytes of header (length
 * and stream, both big-endian; type; flags) and up to 4 MiB of data.
 *
 * @param stream odd for streams begun by a client
 */
record Frame(int stream, byte type, byte flags, byte[] data) {
  static final byte REQUEST = 1;
  static final byte RESPONSE = 2;
  static final byte DATA = 3;

  static final int HEADER_BYTES = 10;
  static final int MAX_DATA_BYTES = 4 << 20;

  /** Small reads keep the JVM's per-thread direct buffer small. */
  private static final int READ_CHUNK_BYTES = 16 << 10;

  /** The bytes on the wire, ready to be written. */
  ByteBuffer encode() {
    ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES + data.length);
    bytes.putInt(data.length).putInt(stream).put(type).put(flags).put(data);
    return bytes.flip();
  }

  /** Reads frames from a channel; not thread-safe. */
  static final class Reader {
    private final ReadableByteChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(READ_CHUNK_BYTES).flip();

    Reader(ReadableByteChannel channel) {
      this.channel = channel;
    }

    /**
     * The next frame, or null when the peer closed the connection between two frames.
     *
     * @throws OversizedFrame with the data skipped, so that the connection can go on
     * @throws IOException when the peer went away within a frame, or sends what is no frame
     */
    Frame next() throws IOException {
      if (!fill(HEADER_BYTES, true)) {
        return null;
      }
      int length = buffer.getInt();
      int stream = buffer.getInt();
      byte type = buffer.get();
      byte flags = buffer.get();
      if ((length & 0xff000000) != 0) {
        throw new IOException("no ttrpc frame: its length begins with a byte other than zero");
      }
      if (length > MAX_DATA_BYTES) {
        skip(length);
        throw new OversizedFrame(stream, type, length);
      }
      byte[] data = new byte[length];
      int have = 0;
      while (have < length) {
        fill(1, false);
        int part = Math.min(length - have, buffer.remaining());
        buffer.get(data, have, part);
        have += part;
      }
      return new Frame(stream, type, flags, data);
    }

    private void skip(int length) throws IOException {
      int left = length;
      while (left > 0) {
        fill(1, false);
        int part = Math.min(left, buffer.remaining());
        buffer.position(buffer.position() + part);
        left -= part;
      }
    }

    /** Makes at least {@code wanted} bytes readable; false only at an allowed end. */
    private boolean fill(int wanted, boolean endAllowed) throws IOException {
      if (buffer.remaining() >= wanted) {
        return true;
      }
      buffer.compact();
      while (buffer.position() < wanted) {
        if (channel.read(buffer) < 0) {
          boolean clean = endAllowed && buffer.position() == 0;
          buffer.flip();
          if (clean) {
            return false;
          }
          throw new EOFException("the peer closed the connection within a ttrpc frame");
        }
      }
      buffer.flip();
      return true;
    }
  }

  /** A frame above 4 MiB; its sender can be told, because the header was understood. */
  static final class OversizedFrame extends IOException {
    private static final long serialVersionUID = 1L;

    final int stream;
    final byte type;

    OversizedFrame(int stream, byte type, int length) {
      super("a ttrpc frame of " + length + " bytes; the protocol allows " + MAX_DATA_BYTES);
      this.stream = stream;
      this.type = type;
    }
  }
}
