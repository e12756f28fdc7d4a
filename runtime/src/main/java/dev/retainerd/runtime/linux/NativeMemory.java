package dev.retainerd.runtime.linux;

import com.kenai.jffi.MemoryIO;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Memory outside of the heap for the arguments of one call, freed when closed. For one thread.
 *
 * <p>Numbers are in the machine's byte order, as the kernel wants them.
 */
final class NativeMemory implements AutoCloseable {
  private static final MemoryIO MEMORY = MemoryIO.getInstance();
  private static final int MOST_BLOCKS = 8;

  private final long[] blocks = new long[MOST_BLOCKS];
  private int count;

  /** The address of a fresh block of zeroes. */
  long block(int sizeBytes) {
    if (count == MOST_BLOCKS) {
      throw new IllegalStateException("more than " + MOST_BLOCKS + " blocks for one system call");
    }
    long address = MEMORY.allocateMemory(Math.max(sizeBytes, 8), true);
    if (address == 0) {
      throw new OutOfMemoryError("no native memory for " + sizeBytes + " bytes");
    }
    blocks[count++] = address;
    return address;
  }

  /** The address of a zero-terminated copy; 0 (a null pointer) for null. */
  long text(String value) {
    if (value == null) {
      return 0;
    }
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      if (b == 0) {
        throw new IllegalArgumentException("a zero byte within the name \"" + value + "\"");
      }
    }
    long address = block(bytes.length + 1);
    MEMORY.putByteArray(address, bytes, 0, bytes.length);
    return address;
  }

  long path(Path path) {
    return text(path.toString());
  }

  long bytes(byte[] value) {
    long address = block(value.length);
    MEMORY.putByteArray(address, value, 0, value.length);
    return address;
  }

  static byte[] read(long address, int length) {
    byte[] bytes = new byte[length];
    MEMORY.getByteArray(address, bytes, 0, length);
    return bytes;
  }

  static void putLong(long address, long value) {
    MEMORY.putLong(address, value);
  }

  static void putInt(long address, int value) {
    MEMORY.putInt(address, value);
  }

  static void putShort(long address, short value) {
    MEMORY.putShort(address, value);
  }

  static int getInt(long address) {
    return MEMORY.getInt(address);
  }

  static short getShort(long address) {
    return MEMORY.getShort(address);
  }

  @Override
  public void close() {
    while (count > 0) {
      MEMORY.freeMemory(blocks[--count]);
    }
  }
}
