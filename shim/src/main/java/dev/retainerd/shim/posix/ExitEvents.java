package dev.retainerd.shim.posix;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The kernel's own word on the ends of processes: its process event connector (CONFIG_PROC_EVENTS)
 * puts a message into a netlink socket when a process ends, with the moment and the status. A
 * filter in the kernel lets only the processes that matter in, so that the socket remembers their
 * ends while nobody reads it, for as long as anybody holds it. Thread-safe.
 */
public final class ExitEvents {
  /**
   * How a process ended.
   *
   * @param waitStatus as wait(2) gives it
   * @param atNanoTime the moment, in the units of System.nanoTime(), which is the kernel's
   *     monotonic clock as well
   */
  public record End(int pid, int waitStatus, long atNanoTime) {}

  /** More processes than that are not told apart from strangers: each takes two instructions. */
  public static final int WATCHED_MAX = 2000;

  private static final int AF_NETLINK = 16;
  private static final int DATAGRAM_NONBLOCK_CLOEXEC = 2 | 02004000;
  private static final int CONNECTOR = 11;
  private static final int SOL_SOCKET = 1;
  private static final int SO_ATTACH_FILTER = 26;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int QUEUE_BYTES = 2 << 20;

  /** CN_IDX_PROC and CN_VAL_PROC, which name the connector's user; also the multicast group. */
  private static final int PROC = 1;

  private static final int LISTEN = 1;
  private static final int EXIT = 0x80000000;
  private static final int MESSAGE_DONE = 3;

  /** Behind the headers of netlink (16) and of the connector (20). */
  private static final int EVENT_AT = 36;

  private static final int TIME_AT = EVENT_AT + 8;
  private static final int PID_AT = EVENT_AT + 16;
  private static final int STATUS_AT = EVENT_AT + 24;
  private static final int LONGEST_BYTES = 256;

  private static final int LOAD_WORD = 0x20;
  private static final int JUMP_IF_EQUAL = 0x15;
  private static final int RETURN = 0x06;

  private static final long SOCKET = Native.symbol("socket");
  private static final long BIND = Native.symbol("bind");
  private static final long SEND = Native.symbol("send");
  private static final long RECV = Native.symbol("recv");
  private static final long SETSOCKOPT = Native.symbol("setsockopt");

  private final int fd;

  /** Over a socket that another process has made; it is this one's from now on. */
  public ExitEvents(int fd) {
    this.fd = fd;
  }

  /**
   * Begins to listen, to nobody's end yet.
   *
   * @throws PosixException where this kernel has no such events, or does not let us hear them
   */
  public static ExitEvents open() throws PosixException {
    ExitEvents events =
        new ExitEvents(
            (int)
                Posix.check(
                    "this kernel tells no ends of processes",
                    Native.call(SOCKET, AF_NETLINK, DATAGRAM_NONBLOCK_CLOEXEC, CONNECTOR)));
    long memory = Native.allocate(64);
    try {
      events.watch(List.of());
      Native.MEMORY.putInt(memory, QUEUE_BYTES);
      Native.call(SETSOCKOPT, events.fd, SOL_SOCKET, SO_RCVBUFFORCE, memory, 4);
      Native.MEMORY.setMemory(memory, 64, (byte) 0);
      Native.MEMORY.putShort(memory, (short) AF_NETLINK);
      Native.MEMORY.putInt(memory + 8, PROC);
      Posix.check(
          "this process may not hear of ends of processes",
          Native.call(BIND, events.fd, memory, 12));
      // First as every kernel understands it, then as those from 6.6 on do: ends only.
      events.listen(4);
      events.listen(8);
      return events;
    } catch (PosixException e) {
      events.close();
      throw e;
    } finally {
      Native.free(memory);
    }
  }

  private void listen(int bytes) throws PosixException {
    long memory = Native.allocate(64);
    try {
      Native.MEMORY.putInt(memory, EVENT_AT + bytes);
      Native.MEMORY.putShort(memory + 4, (short) MESSAGE_DONE);
      Native.MEMORY.putInt(memory + 16, PROC);
      Native.MEMORY.putInt(memory + 20, PROC);
      Native.MEMORY.putShort(memory + 32, (short) bytes);
      Native.MEMORY.putInt(memory + EVENT_AT, LISTEN);
      Native.MEMORY.putInt(memory + EVENT_AT + 4, EXIT);
      Posix.check(
          "cannot ask for ends of processes", Native.call(SEND, fd, memory, EVENT_AT + bytes, 0));
    } finally {
      Native.free(memory);
    }
  }

  /** From now on only the ends of these first threads of processes come in. */
  public void watch(Collection<Integer> pids) throws PosixException {
    int most = Math.min(pids.size(), WATCHED_MAX);
    int instructions = 4 + 2 * most + 1;
    long memory = Native.allocate(16 + 8L * instructions);
    long program = memory + 16;
    try {
      long at = put(program, LOAD_WORD, 0, 0, EVENT_AT);
      at = put(at, JUMP_IF_EQUAL, 1, 0, Integer.reverseBytes(EXIT));
      at = put(at, RETURN, 0, 0, 0);
      at = put(at, LOAD_WORD, 0, 0, PID_AT);
      int done = 0;
      for (int pid : pids) {
        if (done++ == most) {
          break;
        }
        // A word is loaded in the network's order, and the kernel wrote it in the machine's.
        at = put(at, JUMP_IF_EQUAL, 0, 1, Integer.reverseBytes(pid));
        at = put(at, RETURN, 0, 0, -1);
      }
      put(at, RETURN, 0, 0, 0);
      Native.MEMORY.putShort(memory, (short) instructions);
      Native.MEMORY.putLong(memory + 8, program);
      Posix.check(
          "cannot say which ends of processes matter",
          Native.call(SETSOCKOPT, fd, SOL_SOCKET, SO_ATTACH_FILTER, memory, 16));
    } finally {
      Native.free(memory);
    }
  }

  private static long put(long at, int code, int ifTrue, int ifFalse, int value) {
    Native.MEMORY.putShort(at, (short) code);
    Native.MEMORY.putByte(at + 2, (byte) ifTrue);
    Native.MEMORY.putByte(at + 3, (byte) ifFalse);
    Native.MEMORY.putInt(at + 4, value);
    return at + 8;
  }

  /** Takes out what has come in, oldest first. */
  public List<End> take() {
    List<End> ends = new ArrayList<>();
    long memory = Native.allocate(LONGEST_BYTES);
    try {
      while (true) {
        long count = (int) Native.call(RECV, fd, memory, LONGEST_BYTES, 0);
        if (count < 0 && Native.errno() == Errno.ENOBUFS) {
          // Some were dropped; those that follow are there.
          continue;
        }
        if (count <= 0) {
          return ends;
        }
        if (count >= STATUS_AT + 4 && Native.MEMORY.getInt(memory + EVENT_AT) == EXIT) {
          ends.add(
              new End(
                  Native.MEMORY.getInt(memory + PID_AT),
                  Native.MEMORY.getInt(memory + STATUS_AT),
                  Native.MEMORY.getLong(memory + TIME_AT)));
        }
      }
    } finally {
      Native.free(memory);
    }
  }

  public int descriptor() {
    return fd;
  }

  public void close() {
    Posix.close(fd);
  }
}
