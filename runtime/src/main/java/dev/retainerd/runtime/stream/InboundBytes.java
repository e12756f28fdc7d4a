package dev.retainerd.runtime.stream;

import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Bytes from the client, put in by the event loop and read by one virtual thread. The bound is the
 * connection's {@link ReadGate}; a read ends at the latest when the idle time-out closes the
 * connection.
 */
final class InboundBytes extends InputStream {
  private final ReadGate gate;
  private final Deque<byte[]> chunks = new ArrayDeque<>();
  private int position;
  private boolean ended;
  private boolean abandoned;

  InboundBytes(ReadGate gate) {
    this.gate = gate;
  }

  /** From the event loop. What comes after the end, or after the reader left, is dropped. */
  synchronized void put(byte[] bytes) {
    if (ended || abandoned || bytes.length == 0) {
      return;
    }
    chunks.add(bytes);
    gate.arrived(bytes.length);
    notifyAll();
  }

  /** The client sends no more. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  @Override
  public int read() throws InterruptedIOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public synchronized int read(byte[] target, int offset, int length)
      throws InterruptedIOException {
    if (length == 0) {
      return 0;
    }
    while (chunks.isEmpty()) {
      if (ended || abandoned) {
        return -1;
      }
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("reading from the client was interrupted");
      }
    }
    byte[] first = chunks.peek();
    int count = Math.min(length, first.length - position);
    System.arraycopy(first, position, target, offset, count);
    position += count;
    if (position == first.length) {
      chunks.remove();
      position = 0;
    }
    gate.consumed(count);
    return count;
  }

  @Override
  public synchronized int available() {
    return chunks.isEmpty() ? 0 : chunks.peek().length - position;
  }

  /** The reader leaves: what waits is dropped, so that it holds up no other stream. */
  @Override
  public synchronized void close() {
    abandoned = true;
    int left = -position;
    for (byte[] chunk : chunks) {
      left += chunk.length;
    }
    chunks.clear();
    position = 0;
    if (left > 0) {
      gate.consumed(left);
    }
    notifyAll();
  }
}
