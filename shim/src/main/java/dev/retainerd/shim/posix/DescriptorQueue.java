package dev.retainerd.shim.posix;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Descriptors that lie, each with a name, in the queue of a unix socket: as long as any process
 * holds the socket's two ends, the kernel keeps what is in it open. Who holds them need not read
 * them, nor know what they are. One process at a time may use it; thread-safe within that.
 */
public final class DescriptorQueue {
  private static final int AF_UNIX = 1;
  private static final int STREAM_CLOEXEC = 1 | 02000000;
  private static final int SOL_SOCKET = 1;
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_PEEK_OFF = 42;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_PEEK = 2;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;

  /** A message takes about a kilobyte of it. */
  private static final int ROOM_BYTES = 8 << 20;

  private static final int NAME_MAX_BYTES = 4096;

  private static final long SOCKETPAIR = Native.symbol("socketpair");
  private static final long SETSOCKOPT = Native.symbol("setsockopt");
  private static final long SENDMSG = Native.symbol("sendmsg");
  private static final long RECVMSG = Native.symbol("recvmsg");

  private final int out;
  private final int in;

  /** Over the two ends of a queue that another process has made; both are its own from now on. */
  public DescriptorQueue(int out, int in) {
    this.out = out;
    this.in = in;
  }

  public static DescriptorQueue make() throws PosixException {
    long ends = Native.allocate(8);
    try {
      Posix.check(
          "cannot make a pair of sockets",
          Native.call(SOCKETPAIR, AF_UNIX, STREAM_CLOEXEC, 0, ends));
      DescriptorQueue queue =
          new DescriptorQueue(Native.MEMORY.getInt(ends), Native.MEMORY.getInt(ends + 4));
      // Where it is not granted, fewer fit in.
      queue.option(queue.in, SO_SNDBUFFORCE, ROOM_BYTES);
      return queue;
    } finally {
      Native.free(ends);
    }
  }

  /** The end that is read. */
  public int out() {
    return out;
  }

  /** The end that is written. */
  public int in() {
    return in;
  }

  private void option(int fd, int option, int value) {
    long memory = Native.allocate(4);
    try {
      Native.MEMORY.putInt(memory, value);
      Native.call(SETSOCKOPT, fd, SOL_SOCKET, option, memory, 4);
    } finally {
      Native.free(memory);
    }
  }

  /** Puts in a duplicate; the caller's own stays open. */
  public synchronized void put(String name, int descriptor) throws PosixException {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length == 0 || bytes.length > NAME_MAX_BYTES) {
      throw new PosixException("a descriptor's name of " + bytes.length + " bytes", Errno.EINVAL);
    }
    long memory = Native.allocate(160L + bytes.length);
    try {
      long control = memory + 96;
      Native.MEMORY.putByteArray(memory + 160, bytes, 0, bytes.length);
      header(memory, bytes.length, control);
      Native.MEMORY.putLong(control, 20);
      Native.MEMORY.putInt(control + 8, SOL_SOCKET);
      Native.MEMORY.putInt(control + 12, SCM_RIGHTS);
      Native.MEMORY.putInt(control + 16, descriptor);
      Posix.check(
          "cannot put away the descriptor " + name,
          Native.call(SENDMSG, in, memory, MSG_NOSIGNAL | MSG_DONTWAIT));
    } finally {
      Native.free(memory);
    }
  }

  /** A name and, where it was asked for, a duplicate that is the caller's to close; else -1. */
  public record Held(String name, int descriptor) {}

  /** All names that are in it. */
  public synchronized List<String> names() {
    option(out, SO_PEEK_OFF, 0);
    List<String> found = new ArrayList<>();
    for (Held one = next(MSG_PEEK, false); one != null; one = next(MSG_PEEK, false)) {
      found.add(one.name());
    }
    option(out, SO_PEEK_OFF, -1);
    return found;
  }

  /** A duplicate of the one of that name, or -1. */
  public synchronized int get(String name) {
    option(out, SO_PEEK_OFF, 0);
    int found = -1;
    for (Held one = next(MSG_PEEK, true); one != null; one = next(MSG_PEEK, true)) {
      if (one.name().equals(name)) {
        Posix.close(found);
        found = one.descriptor();
      } else {
        Posix.close(one.descriptor());
      }
    }
    option(out, SO_PEEK_OFF, -1);
    return found;
  }

  /**
   * Lets go of all whose names are not wanted. The others change their places; a death in between
   * leaves one of them in it twice, never none.
   */
  public synchronized void retain(Predicate<String> wanted) throws PosixException {
    for (int left = names().size(); left > 0; left--) {
      Held head = next(MSG_PEEK, true);
      if (head == null) {
        return;
      }
      try {
        if (wanted.test(head.name())) {
          put(head.name(), head.descriptor());
        }
      } finally {
        Posix.close(head.descriptor());
      }
      next(0, false);
    }
  }

  /** Null at the end of the queue. Without room for it the kernel closes a descriptor by itself. */
  private Held next(int flags, boolean withDescriptor) {
    long memory = Native.allocate(160L + NAME_MAX_BYTES);
    try {
      long control = memory + 96;
      header(memory, NAME_MAX_BYTES, withDescriptor ? control : 0);
      int count = (int) Native.call(RECVMSG, out, memory, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (count <= 0) {
        return null;
      }
      byte[] bytes = new byte[count];
      Native.MEMORY.getByteArray(memory + 160, bytes, 0, count);
      boolean carries =
          withDescriptor
              && Native.MEMORY.getLong(memory + 40) >= 20
              && Native.MEMORY.getInt(control + 8) == SOL_SOCKET
              && Native.MEMORY.getInt(control + 12) == SCM_RIGHTS;
      return new Held(
          new String(bytes, StandardCharsets.UTF_8),
          carries ? Native.MEMORY.getInt(control + 16) : -1);
    } finally {
      Native.free(memory);
    }
  }

  /** Fills a struct msghdr with one iovec at offset 64 for the data at offset 160. */
  private static void header(long memory, int length, long control) {
    Native.MEMORY.putLong(memory + 64, memory + 160);
    Native.MEMORY.putLong(memory + 72, length);
    Native.MEMORY.putLong(memory + 16, memory + 64);
    Native.MEMORY.putLong(memory + 24, 1);
    Native.MEMORY.putLong(memory + 32, control);
    Native.MEMORY.putLong(memory + 40, control == 0 ? 0 : 24);
  }

  /** Closes our two ends. */
  public void close() {
    Posix.close(out);
    Posix.close(in);
  }
}
