package dev.retainerd.shim.posix;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.LastError;
import com.kenai.jffi.Library;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.nio.charset.StandardCharsets;

/**
 * Functions of the C library by name, all arguments as 64-bit words. Every use of jffi in the shim
 * is in this class. Thread-safe; errno is kept per thread.
 */
final class Native {
  static final MemoryIO MEMORY = MemoryIO.getInstance();

  private static final Library LIBRARY = Library.getDefault();
  private static final Invoker INVOKER = Invoker.getInstance();
  private static final CallContext[] CONTEXTS = new CallContext[7];

  static {
    for (int count = 0; count < CONTEXTS.length; count++) {
      Type[] types = new Type[count];
      java.util.Arrays.fill(types, Type.SINT64);
      CONTEXTS[count] = new CallContext(Type.SINT64, types);
    }
  }

  /** Calls the kernel by number, where glibc 2.34 has no function for it. */
  static final long SYSCALL = symbol("syscall");

  private Native() {}

  static long symbol(String name) {
    long address = LIBRARY.getSymbolAddress(name);
    if (address == 0) {
      throw new IllegalStateException(
          "the C library has no " + name + "; glibc 2.34 or newer is needed");
    }
    return address;
  }

  static int errno() {
    return LastError.getInstance().get();
  }

  static long call(long function) {
    return INVOKER.invokeN0(CONTEXTS[0], function);
  }

  static long call(long function, long a) {
    return INVOKER.invokeN1(CONTEXTS[1], function, a);
  }

  static long call(long function, long a, long b) {
    return INVOKER.invokeN2(CONTEXTS[2], function, a, b);
  }

  static long call(long function, long a, long b, long c) {
    return INVOKER.invokeN3(CONTEXTS[3], function, a, b, c);
  }

  static long call(long function, long a, long b, long c, long d) {
    return INVOKER.invokeN4(CONTEXTS[4], function, a, b, c, d);
  }

  static long call(long function, long a, long b, long c, long d, long e) {
    return INVOKER.invokeN5(CONTEXTS[5], function, a, b, c, d, e);
  }

  static long call(long function, long a, long b, long c, long d, long e, long f) {
    return INVOKER.invokeN6(CONTEXTS[6], function, a, b, c, d, e, f);
  }

  /** Memory of the caller's, zeroed; give it back with {@link #free}. */
  static long allocate(long bytes) {
    return MEMORY.allocateMemory(bytes, true);
  }

  static void free(long address) {
    if (address != 0) {
      MEMORY.freeMemory(address);
    }
  }

  /** A C string of the caller's. A NUL inside would silently name another file. */
  static long string(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (byte one : bytes) {
      if (one == 0) {
        throw new IllegalArgumentException("a NUL byte in: " + text.replace('\0', '?'));
      }
    }
    long address = allocate(bytes.length + 1L);
    MEMORY.putByteArray(address, bytes, 0, bytes.length);
    return address;
  }

  /** A NULL-terminated array of C strings, in one block: free the block only. */
  static long strings(java.util.List<String> texts) {
    byte[][] all = new byte[texts.size()][];
    long size = 8L * (texts.size() + 1);
    for (int i = 0; i < all.length; i++) {
      all[i] = texts.get(i).getBytes(StandardCharsets.UTF_8);
      size += all[i].length + 1;
    }
    long block = allocate(size);
    long at = block + 8L * (texts.size() + 1);
    for (int i = 0; i < all.length; i++) {
      MEMORY.putLong(block + 8L * i, at);
      MEMORY.putByteArray(at, all[i], 0, all[i].length);
      at += all[i].length + 1;
    }
    return block;
  }
}
