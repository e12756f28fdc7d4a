package dev.retainerd.shim.posix;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A stream socket on a path that carries descriptors (SCM_RIGHTS). Blocking, with a deadline on
 * every read. Not thread-safe.
 */
public final class DescriptorSocket implements AutoCloseable {
  /** Bytes that came together, and the descriptor among them, or -1. */
  public record Message(byte[] bytes, int descriptor) {}

  private static final int AF_UNIX = 1;
  private static final int STREAM_CLOEXEC = 1 | 02000000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int SUN_PATH_MAX = 107;
  private static final int OWNER_ONLY = 0600;

  private static final long SOCKET = Native.symbol("socket");
  private static final long FCHMOD = Native.symbol("fchmod");
  private static final long BIND = Native.symbol("bind");
  private static final long LISTEN = Native.symbol("listen");
  private static final long ACCEPT = Native.symbol("accept4");
  private static final long CONNECT = Native.symbol("connect");
  private static final long SENDMSG = Native.symbol("sendmsg");
  private static final long RECVMSG = Native.symbol("recvmsg");

  private final int fd;

  private DescriptorSocket(int fd) {
    this.fd = fd;
  }

  /** Listens at a new file that only its owner may use. */
  public static DescriptorSocket listen(String path) throws PosixException {
    DescriptorSocket socket = make();
    try {
      // The file gets the mode that the socket has when it is bound.
      Posix.check("cannot set the mode of " + path, Native.call(FCHMOD, socket.fd, OWNER_ONLY));
      socket.withAddress(path, BIND, "cannot bind ");
      Posix.check("cannot listen at " + path, Native.call(LISTEN, socket.fd, 64));
      return socket;
    } catch (PosixException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  public static DescriptorSocket connect(String path) throws PosixException {
    DescriptorSocket socket = make();
    try {
      socket.withAddress(path, CONNECT, "nobody holds descriptors at ");
      return socket;
    } catch (PosixException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private static DescriptorSocket make() throws PosixException {
    return new DescriptorSocket(
        (int) Posix.check("cannot make a socket", Native.call(SOCKET, AF_UNIX, STREAM_CLOEXEC, 0)));
  }

  private void withAddress(String path, long function, String failure) throws PosixException {
    byte[] name = path.getBytes(StandardCharsets.UTF_8);
    if (name.length > SUN_PATH_MAX) {
      throw new PosixException("the socket path is longer than 107 bytes: " + path, Errno.EINVAL);
    }
    long address = Native.allocate(110);
    try {
      Native.MEMORY.putShort(address, (short) AF_UNIX);
      Native.MEMORY.putByteArray(address + 2, name, 0, name.length);
      Posix.check(failure + path, Native.call(function, fd, address, 110));
    } finally {
      Native.free(address);
    }
  }

  /** The next caller, or null when none came in time. */
  public DescriptorSocket accept(int timeoutMillis) throws PosixException {
    if (Posix.poll(fd, Posix.POLLIN, timeoutMillis) == 0) {
      return null;
    }
    return new DescriptorSocket(
        (int) Posix.check("cannot accept a caller", Native.call(ACCEPT, fd, 0, 0, 02000000)));
  }

  /** Sends bytes, with a descriptor unless it is -1. */
  public void send(byte[] bytes, int descriptor) throws PosixException {
    long memory = Native.allocate(160L + bytes.length);
    try {
      long control = memory + 96;
      Native.MEMORY.putByteArray(memory + 160, bytes, 0, bytes.length);
      header(memory, memory + 160, bytes.length, descriptor < 0 ? 0 : control, 24);
      if (descriptor >= 0) {
        Native.MEMORY.putLong(control, 20);
        Native.MEMORY.putInt(control + 8, SOL_SOCKET);
        Native.MEMORY.putInt(control + 12, SCM_RIGHTS);
        Native.MEMORY.putInt(control + 16, descriptor);
      }
      Posix.check("cannot send a descriptor", Native.call(SENDMSG, fd, memory, MSG_NOSIGNAL));
    } finally {
      Native.free(memory);
    }
  }

  /** Up to {@code max} bytes; empty bytes at the end; null when nothing came in time. */
  public Message receive(int max, int timeoutMillis) throws PosixException {
    if (Posix.poll(fd, Posix.POLLIN, timeoutMillis) == 0) {
      return null;
    }
    long memory = Native.allocate(160L + max);
    try {
      long control = memory + 96;
      header(memory, memory + 160, max, control, 24);
      int count =
          (int)
              Posix.check(
                  "cannot receive a descriptor",
                  Native.call(RECVMSG, fd, memory, MSG_CMSG_CLOEXEC));
      byte[] bytes = new byte[count];
      Native.MEMORY.getByteArray(memory + 160, bytes, 0, count);
      boolean carries =
          Native.MEMORY.getLong(memory + 40) >= 20
              && Native.MEMORY.getInt(control + 8) == SOL_SOCKET
              && Native.MEMORY.getInt(control + 12) == SCM_RIGHTS;
      return new Message(bytes, carries ? Native.MEMORY.getInt(control + 16) : -1);
    } finally {
      Native.free(memory);
    }
  }

  /** Exactly {@code count} bytes, with the descriptor that came with the first of them. */
  public Message receiveExactly(int count, int timeoutMillis) throws PosixException {
    byte[] all = new byte[count];
    int have = 0;
    int descriptor = -1;
    while (have < count) {
      Message part = receive(count - have, timeoutMillis);
      if (part == null || part.bytes().length == 0) {
        Posix.close(descriptor);
        throw new PosixException("the peer did not send what it had announced", Errno.EIO);
      }
      if (part.descriptor() >= 0) {
        Posix.close(descriptor);
        descriptor = part.descriptor();
      }
      System.arraycopy(part.bytes(), 0, all, have, part.bytes().length);
      have += part.bytes().length;
    }
    return new Message(Arrays.copyOf(all, count), descriptor);
  }

  /** Fills a struct msghdr with one iovec; the iovec lies at offset 64. */
  private static void header(long memory, long data, int length, long control, int controlBytes) {
    Native.MEMORY.putLong(memory + 64, data);
    Native.MEMORY.putLong(memory + 72, length);
    Native.MEMORY.putLong(memory + 16, memory + 64);
    Native.MEMORY.putLong(memory + 24, 1);
    Native.MEMORY.putLong(memory + 32, control);
    Native.MEMORY.putLong(memory + 40, control == 0 ? 0 : controlBytes);
  }

  @Override
  public void close() {
    Posix.close(fd);
  }
}
