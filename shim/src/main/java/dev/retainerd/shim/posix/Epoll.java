package dev.retainerd.shim.posix;

/** One epoll instance. One thread waits; any thread may add and remove. */
public final class Epoll implements AutoCloseable {
  public static final int IN = 1;
  public static final int PRI = 2;
  public static final int OUT = 4;
  public static final int ERR = 8;
  public static final int HUP = 16;

  private static final int MAX_EVENTS = 64;
  private static final int ADD = 1;
  private static final int DELETE = 2;
  private static final int MODIFY = 3;

  private static final long CREATE = Native.symbol("epoll_create1");
  private static final long CONTROL = Native.symbol("epoll_ctl");
  private static final long WAIT = Native.symbol("epoll_wait");

  /** struct epoll_event is packed on x86-64 only. */
  private static final boolean PACKED = "amd64".equals(System.getProperty("os.arch"));

  private static final int ENTRY = PACKED ? 12 : 16;
  private static final int TOKEN = PACKED ? 4 : 8;

  private final int fd;
  private final long events = Native.allocate((long) ENTRY * MAX_EVENTS);

  public Epoll() throws PosixException {
    fd = (int) Posix.check("cannot make an epoll instance", Native.call(CREATE, 02000000));
  }

  public void add(int target, int interest, long token) throws PosixException {
    control(ADD, target, interest, token);
  }

  public void modify(int target, int interest, long token) throws PosixException {
    control(MODIFY, target, interest, token);
  }

  /** Forgets a descriptor; one that is not there is passed over. */
  public void remove(int target) {
    Native.call(CONTROL, fd, DELETE, target, events);
  }

  private void control(int operation, int target, int interest, long token) throws PosixException {
    long entry = Native.allocate(16);
    try {
      Native.MEMORY.putInt(entry, interest);
      Native.MEMORY.putLong(entry + TOKEN, token);
      Posix.check("cannot watch a descriptor", Native.call(CONTROL, fd, operation, target, entry));
    } finally {
      Native.free(entry);
    }
  }

  /** How many events there are; read them with {@link #token} and {@link #ready}. */
  public int await(int timeoutMillis) {
    return Math.max(0, (int) Native.call(WAIT, fd, events, MAX_EVENTS, timeoutMillis));
  }

  public long token(int index) {
    return Native.MEMORY.getLong(events + (long) index * ENTRY + TOKEN);
  }

  public int ready(int index) {
    return Native.MEMORY.getInt(events + (long) index * ENTRY);
  }

  @Override
  public void close() {
    Posix.close(fd);
    Native.free(events);
  }
}
