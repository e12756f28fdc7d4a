package dev.retainerd.shim.posix;

/**
 * Hears of changes of files by inotify; cgroup files of the v2 hierarchy tell theirs so. One
 * instance watches one file. Used by one thread.
 */
public final class FileChanges implements AutoCloseable {
  private static final int NONBLOCK_CLOEXEC = 02004000;
  private static final int MODIFY = 2;
  private static final int IGNORED = 0x8000;
  private static final int HEADER_BYTES = 16;

  private static final long INIT = Native.symbol("inotify_init1");
  private static final long ADD = Native.symbol("inotify_add_watch");

  private final NativeBuffer events = new NativeBuffer(4096);
  private final int fd;

  /** Begins to watch; what happened before is not told. */
  public FileChanges(String path) throws PosixException {
    fd = (int) Posix.check("cannot make an inotify instance", Native.call(INIT, NONBLOCK_CLOEXEC));
    long name = Native.string(path);
    try {
      Posix.check("cannot watch " + path, Native.call(ADD, fd, name, MODIFY));
    } catch (PosixException e) {
      Posix.close(fd);
      throw e;
    } finally {
      Native.free(name);
    }
  }

  /** Becomes readable with a change. */
  public int descriptor() {
    return fd;
  }

  /** Takes what has been told so far; false when the file is gone and nothing more will come. */
  public boolean take() {
    boolean there = true;
    long count = Posix.read(fd, events, 0, events.size());
    while (count > 0) {
      int at = 0;
      while (at + HEADER_BYTES <= count) {
        byte[] header = new byte[HEADER_BYTES];
        events.get(at, header, 0, HEADER_BYTES);
        there &= (little(header, 4) & IGNORED) == 0;
        at += HEADER_BYTES + little(header, 12);
      }
      count = Posix.read(fd, events, 0, events.size());
    }
    return there;
  }

  private static int little(byte[] bytes, int at) {
    return (bytes[at] & 0xff)
        | (bytes[at + 1] & 0xff) << 8
        | (bytes[at + 2] & 0xff) << 16
        | (bytes[at + 3] & 0xff) << 24;
  }

  @Override
  public void close() {
    Posix.close(fd);
  }
}
