package dev.retainerd.runtime.linux;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Calls that change the namespaces of the calling thread and what lies within them.
 *
 * <p>Use them on a fresh platform thread that ends soon after, never on a pooled or virtual thread:
 * the thread keeps its new namespaces for life.
 */
public final class NamespaceCalls {
  public static final int CLONE_NEWNS = 0x00020000;
  public static final int CLONE_NEWUTS = 0x04000000;
  public static final int CLONE_NEWIPC = 0x08000000;
  public static final int CLONE_NEWUSER = 0x10000000;
  public static final int CLONE_NEWNET = 0x40000000;

  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
  private static final long SIOCGIFFLAGS = 0x8913;
  private static final long SIOCSIFFLAGS = 0x8914;
  private static final int IFREQ_BYTES = 40;
  private static final int IFREQ_FLAGS = 16;
  private static final int LONGEST_INTERFACE_NAME = 15;
  private static final short IFF_UP = 1;

  private static final long NS_GET_NSTYPE = 0xb703;

  private NamespaceCalls() {}

  /**
   * Gives the calling thread new namespaces.
   *
   * @param kinds an OR of the CLONE_ constants
   */
  public static void unshare(int kinds) throws SystemCallException {
    requirePlatformThread();
    Libc.call("unshare", "flags 0x" + Integer.toHexString(kinds), Libc.UNSHARE, kinds);
  }

  /**
   * Moves the calling thread into a namespace.
   *
   * @param namespace a file such as /proc/PID/ns/net or a pin of it
   * @param kind the CLONE_ constant that the file must be of; 0 for any
   */
  public static void enter(Path namespace, int kind) throws SystemCallException {
    requirePlatformThread();
    try (NativeFile file = NativeFile.open(namespace, NativeFile.O_RDONLY, 0)) {
      Libc.call("setns", namespace.toString(), Libc.SETNS, file.descriptor(), kind);
    }
  }

  /**
   * Which kind of namespace a file stands for, such as a pin.
   *
   * @return a CLONE_ constant; 0 if the file is no namespace or does not exist
   */
  public static int kindOf(Path file) throws SystemCallException {
    try (NativeFile open = NativeFile.open(file, NativeFile.O_RDONLY | NativeFile.O_NOFOLLOW, 0)) {
      return Libc.call(
          "ioctl(NS_GET_NSTYPE)", file.toString(), Libc.IOCTL, open.descriptor(), NS_GET_NSTYPE);
    } catch (SystemCallException e) {
      if (e.is(Errno.ENOTTY) || e.is(Errno.ENOENT) || e.is(Errno.EINVAL)) {
        return 0;
      }
      throw e;
    }
  }

  /** sethostname(2), for the UTS namespace of the calling thread. */
  public static void setHostname(String hostname) throws SystemCallException {
    byte[] bytes = hostname.getBytes(StandardCharsets.UTF_8);
    try (NativeMemory memory = new NativeMemory()) {
      Libc.call("sethostname", hostname, Libc.SETHOSTNAME, memory.bytes(bytes), bytes.length);
    }
  }

  /** Sets an interface of the calling thread's network namespace up, as "ip link set X up". */
  public static void setInterfaceUp(String name) throws SystemCallException {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length == 0 || bytes.length > LONGEST_INTERFACE_NAME) {
      throw new SystemCallException("ioctl", "interface \"" + name + "\"", Errno.EINVAL.number());
    }
    String subject = "interface " + name;
    int socket = Libc.call("socket", subject, Libc.SOCKET, AF_INET, SOCK_DGRAM_CLOEXEC, 0);
    try (NativeMemory memory = new NativeMemory()) {
      byte[] request = new byte[IFREQ_BYTES];
      System.arraycopy(bytes, 0, request, 0, bytes.length);
      long address = memory.bytes(request);
      Libc.call("ioctl(SIOCGIFFLAGS)", subject, Libc.IOCTL, socket, SIOCGIFFLAGS, address);
      short flags = NativeMemory.getShort(address + IFREQ_FLAGS);
      NativeMemory.putShort(address + IFREQ_FLAGS, (short) (flags | IFF_UP));
      Libc.call("ioctl(SIOCSIFFLAGS)", subject, Libc.IOCTL, socket, SIOCSIFFLAGS, address);
    } finally {
      Libc.close(socket);
    }
  }

  private static void requirePlatformThread() {
    if (Thread.currentThread().isVirtual()) {
      throw new IllegalStateException(
          "namespaces belong to a kernel thread; a virtual thread would leave its carrier in them");
    }
  }
}
