package dev.retainerd.runtime.stream;

import io.netty.channel.Channel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One client's connection after the upgrade, seen from the threads that write to it: they wait
 * while the client is slow, and fail when it is gone. Thread-safe.
 */
final class Connection {
  private static final int LINGER_SECONDS = 5;

  private final Channel channel;
  private final Framing framing;
  private final Duration slowestWrite;
  private final ReadGate gate;
  private final CompletableFuture<Void> gone = new CompletableFuture<>();
  private final Object writability = new Object();

  /** How bytes of a stream become frames. */
  interface Framing {
    /** Frames that carry the bytes of a stream. */
    Object data(int stream, byte[] bytes, int offset, int length);

    /** A frame that ends our side of a stream, or an empty buffer where there is none. */
    Object end(int stream);

    /** The last frame of a connection. */
    Object farewell();
  }

  Connection(Channel channel, Framing framing, Duration slowestWrite) {
    this.channel = channel;
    this.framing = framing;
    this.slowestWrite = slowestWrite;
    this.gate = new ReadGate(channel);
  }

  ReadGate gate() {
    return gate;
  }

  CompletableFuture<Void> gone() {
    return gone;
  }

  /** Writes a copy of the bytes to a stream; returns when little enough is under way. */
  void write(int stream, byte[] bytes, int offset, int length) throws IOException {
    channel.writeAndFlush(framing.data(stream, bytes, offset, length), channel.voidPromise());
    awaitWritable();
  }

  private void awaitWritable() throws IOException {
    long end = System.nanoTime() + slowestWrite.toNanos();
    synchronized (writability) {
      while (!channel.isWritable() || !channel.isActive()) {
        long left = end - System.nanoTime();
        if (!channel.isActive()) {
          throw new IOException("the client is gone");
        }
        if (left <= 0) {
          throw new IOException(
              "the client took nothing for " + slowestWrite.toSeconds() + " s; it is given up");
        }
        try {
          writability.wait(left / 1_000_000 + 1);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException("writing to the client was interrupted");
        }
      }
    }
  }

  /** From the event loop, whenever the channel's state may have changed. */
  void stateChanged() {
    synchronized (writability) {
      writability.notifyAll();
    }
    if (!channel.isActive()) {
      gone.complete(null);
    }
  }

  /** Ends our side of a stream. */
  void end(int stream) {
    channel.writeAndFlush(framing.end(stream), channel.voidPromise());
  }

  /**
   * Says farewell, and closes when the client has closed or some seconds are over: a socket that is
   * closed while the client still sends is reset, and the client would lose what it has not read.
   */
  void close() {
    if (!channel.isOpen()) {
      return;
    }
    channel.writeAndFlush(framing.farewell(), channel.voidPromise());
    channel.eventLoop().schedule(() -> channel.close(), LINGER_SECONDS, TimeUnit.SECONDS);
  }
}
