package dev.retainerd.shim.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Writes frames to one connection in the order in which they are handed over, on a thread of its
 * own: a peer that does not read, or an interrupted caller, must never hold up or break others.
 * Thread-safe. A peer that leaves {@value #MAX_WAITING} answers unread is disconnected.
 */
final class FrameSender implements Runnable {
  static final int MAX_WAITING = 4096;

  private static final ByteBuffer END = ByteBuffer.allocate(0);

  private final SocketChannel channel;
  private final ArrayBlockingQueue<ByteBuffer> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
  private final Thread thread;

  FrameSender(SocketChannel channel, String name) {
    this.channel = channel;
    thread = new Thread(null, this, name, 128 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  /** False when the frame could not be queued; the connection is closed then. */
  boolean send(Frame frame) {
    if (channel.isOpen() && waiting.offer(frame.encode())) {
      return true;
    }
    closeQuietly();
    return false;
  }

  /** Sends what is queued, then closes the connection; waits at most {@code millis}. */
  void finish(long millis) {
    if (!waiting.offer(END)) {
      closeQuietly();
    }
    try {
      thread.join(Math.max(1, millis));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    closeQuietly();
  }

  @Override
  public void run() {
    try {
      while (channel.isOpen()) {
        ByteBuffer next = waiting.poll(30, TimeUnit.SECONDS);
        if (next == END) {
          return;
        }
        while (next != null && next.hasRemaining()) {
          channel.write(next);
        }
      }
    } catch (IOException | InterruptedException e) {
      // The reader of this connection sees the same end and tells whoever waits.
    } finally {
      closeQuietly();
    }
  }

  private void closeQuietly() {
    try {
      channel.close();
    } catch (IOException e) {
      // It is unusable either way.
    }
  }
}
