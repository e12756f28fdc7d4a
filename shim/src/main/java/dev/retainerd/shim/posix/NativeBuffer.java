package dev.retainerd.shim.posix;

/** Memory that system calls read and write, outside the heap. Owned by one thread at a time. */
public final class NativeBuffer implements AutoCloseable {
  private long address;
  private final int size;

  public NativeBuffer(int size) {
    this.size = size;
    this.address = Native.allocate(size);
  }

  public int size() {
    return size;
  }

  public void get(int offset, byte[] target, int at, int length) {
    Native.MEMORY.getByteArray(at(offset, length), target, at, length);
  }

  public void put(int offset, byte[] source, int at, int length) {
    Native.MEMORY.putByteArray(at(offset, length), source, at, length);
  }

  long at(int offset, int length) {
    if (address == 0 || offset < 0 || length < 0 || offset > size - length) {
      throw new IndexOutOfBoundsException(offset + "+" + length + " of " + size + " bytes");
    }
    return address + offset;
  }

  @Override
  public void close() {
    Native.free(address);
    address = 0;
  }
}
