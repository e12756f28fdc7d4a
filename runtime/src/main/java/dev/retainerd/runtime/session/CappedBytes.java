package dev.retainerd.runtime.session;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;

/** Keeps the first bytes that are written to it, up to a bound, and takes and drops the rest. */
public final class CappedBytes extends OutputStream {
  private final int bound;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

  public CappedBytes(int bound) {
    this.bound = bound;
  }

  @Override
  public synchronized void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int length) {
    kept.write(bytes, offset, Math.min(length, bound - kept.size()));
  }

  /** What was kept. */
  public synchronized byte[] toByteArray() {
    return kept.toByteArray();
  }
}
