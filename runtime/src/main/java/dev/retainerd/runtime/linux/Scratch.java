package dev.retainerd.runtime.linux;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One thread's native memory for names and structures: a bump allocator over one direct buffer,
 * emptied by {@link #begin} before each call.
 */
final class Scratch {
  private static final int CAPACITY_BYTES = 144 * 1024;
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(CAPACITY_BYTES).order(ByteOrder.nativeOrder());
  private final long address = MemoryIO.getInstance().getDirectBufferAddress(buffer);
  private int used;

  /** This thread's memory, empty. */
  static Scratch begin() {
    Scratch scratch = OF_THREAD.get();
    scratch.used = 0;
    return scratch;
  }

  long reserve(int length) {
    int at = (used + 7) & ~7;
    if (at + length > CAPACITY_BYTES) {
      throw new IllegalArgumentException("a name or value of " + length + " bytes is too long");
    }
    used = at + length;
    return address + at;
  }

  long string(byte[] name) {
    long at = reserve(name.length + 1);
    int index = (int) (at - address);
    buffer.put(index, name);
    buffer.put(index + name.length, (byte) 0);
    return at;
  }

  long bytes(byte[] value) {
    return bytes(value, 0, value.length);
  }

  long bytes(byte[] value, int offset, int length) {
    long at = reserve(length);
    buffer.put((int) (at - address), value, offset, length);
    return at;
  }

  long times(long seconds, int nanos) {
    long at = reserve(32);
    putLong(at, seconds);
    putLong(at + 8, nanos);
    putLong(at + 16, seconds);
    putLong(at + 24, nanos);
    return at;
  }

  void putLong(long at, long value) {
    buffer.putLong((int) (at - address), value);
  }

  void get(long at, byte[] into) {
    buffer.get((int) (at - address), into);
  }

  /** Reads a struct statx, whose layout is the same on every processor family. */
  FileStatus status(long at) {
    int i = (int) (at - address);
    return new FileStatus(
        Short.toUnsignedInt(buffer.getShort(i + 28)),
        buffer.getInt(i + 20),
        buffer.getInt(i + 24),
        buffer.getLong(i + 32),
        buffer.getInt(i + 16),
        buffer.getLong(i + 40),
        buffer.getLong(i + 48),
        buffer.getInt(i + 128),
        buffer.getInt(i + 132),
        buffer.getInt(i + 136),
        buffer.getInt(i + 140),
        buffer.getLong(i + 112) * 1_000_000_000L + buffer.getInt(i + 120));
  }
}
