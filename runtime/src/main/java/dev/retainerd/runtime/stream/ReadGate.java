package dev.retainerd.runtime.stream;

import io.netty.channel.Channel;

/**
 * Keeps what a client sent and nobody has read yet within a bound: above it, nothing more is read
 * from the socket, so the client's own writes come to wait. Thread-safe.
 */
final class ReadGate {
  private static final long CLOSE_ABOVE_BYTES = 1 << 20;
  private static final long OPEN_BELOW_BYTES = 1 << 18;

  private final Channel channel;
  private long pendingBytes;
  private boolean closed;

  ReadGate(Channel channel) {
    this.channel = channel;
  }

  synchronized void arrived(int bytes) {
    pendingBytes += bytes;
    if (!closed && pendingBytes > CLOSE_ABOVE_BYTES) {
      closed = true;
      channel.config().setAutoRead(false);
    }
  }

  synchronized void consumed(int bytes) {
    pendingBytes -= bytes;
    if (closed && pendingBytes < OPEN_BELOW_BYTES) {
      closed = false;
      channel.config().setAutoRead(true);
    }
  }
}
