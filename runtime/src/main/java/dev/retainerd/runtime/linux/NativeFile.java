package dev.retainerd.runtime.linux;

import java.io.Closeable;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An open file descriptor of ours, for what java.nio cannot open or hold: FIFOs held at both ends,
 * directories and namespaces as handles, lock files. Always close-on-exec.
 *
 * <p>Thread-safe; closing twice is fine. Whoever uses {@link #descriptor()} must keep this object
 * open meanwhile.
 */
public final class NativeFile implements Closeable {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_TRUNC = 0x200;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_DIRECTORY = machine(0x10000, 0x4000);
  public static final int O_NOFOLLOW = machine(0x20000, 0x8000);
  public static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;

  /** openat2: no component may be a symbolic link. */
  public static final long RESOLVE_NO_SYMLINKS = 0x04;

  /** openat2: links and .. never lead out of the folder, but fail. */
  public static final long RESOLVE_BENEATH = 0x08;

  /** openat2: the folder is the root for links and .. as after a chroot. */
  public static final long RESOLVE_IN_ROOT = 0x10;

  private static final int OPEN_HOW_BYTES = 24;
  private static final int LOCK_EX = 2;
  private static final int LOCK_NB = 4;

  private final AtomicInteger descriptor;
  private final Path path;

  NativeFile(int descriptor, Path path) {
    this.descriptor = new AtomicInteger(descriptor);
    this.path = path;
  }

  private static int machine(int x86, int arm) {
    return System.getProperty("os.arch").equals("aarch64") ? arm : x86;
  }

  /** open(2) with O_CLOEXEC added. */
  public static NativeFile open(Path path, int flags, int mode) throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      int fd =
          Libc.call("open", path.toString(), Libc.OPEN, memory.path(path), flags | O_CLOEXEC, mode);
      return new NativeFile(fd, path);
    }
  }

  /**
   * Holds a FIFO open, so that its bytes stay in the kernel while no other reader lives. Only for
   * reading: one more writer would hide from the real reader that the last writer is gone. Does not
   * block.
   */
  public static NativeFile holdFifo(Path fifo) throws SystemCallException {
    return open(fifo, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
  }

  /**
   * openat2(2) of a name below a folder, for paths that a container or an archive wrote.
   *
   * @param resolve an OR of the RESOLVE_ constants
   */
  public static NativeFile openBelow(
      NativeFile folder, String name, int flags, int mode, long resolve)
      throws SystemCallException {
    try (NativeMemory memory = new NativeMemory()) {
      long how = memory.block(OPEN_HOW_BYTES);
      NativeMemory.putLong(how, flags | O_CLOEXEC);
      NativeMemory.putLong(how + 8, mode);
      NativeMemory.putLong(how + 16, resolve);
      int fd =
          Libc.systemCall(
              "openat2",
              folder.path + "/" + name,
              Libc.SystemCallNumber.OPENAT2,
              folder.descriptor(),
              memory.text(name),
              how,
              OPEN_HOW_BYTES,
              0);
      return new NativeFile(fd, folder.path.resolve(name.replaceFirst("^/+", "")));
    }
  }

  /**
   * flock(2), exclusive, without waiting. The lock goes with the descriptor.
   *
   * @return false if another open file holds it
   */
  public boolean tryLock() throws SystemCallException {
    try {
      Libc.call("flock", path.toString(), Libc.FLOCK, descriptor(), LOCK_EX | LOCK_NB);
      return true;
    } catch (SystemCallException e) {
      if (e.is(Errno.EAGAIN)) {
        return false;
      }
      throw e;
    }
  }

  /** syncfs(2): everything written so far to the file system of this file is durable. */
  public void syncFilesystem() throws SystemCallException {
    Libc.call("syncfs", path.toString(), Libc.SYNCFS, descriptor());
  }

  /**
   * The descriptor's number.
   *
   * @throws IllegalStateException after close
   */
  public int descriptor() {
    int value = descriptor.get();
    if (value < 0) {
      throw new IllegalStateException(path + " was closed already");
    }
    return value;
  }

  /** The path it was opened by. */
  public Path path() {
    return path;
  }

  /** A path by which this process reaches the same open file, even after a rename or unlink. */
  public Path procPath() {
    return Path.of("/proc/self/fd/" + descriptor());
  }

  @Override
  public void close() {
    int value = descriptor.getAndSet(-1);
    if (value >= 0) {
      Libc.close(value);
    }
  }
}
