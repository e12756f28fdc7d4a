package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.NativeBuffer;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;

/**
 * The file of a log, to which whole entries are appended. On a full disk an entry may be written in
 * part: its rest waits here and goes first when there is room. Belongs to the loop's thread.
 */
final class LogFile {
  private static final int BUFFER_BYTES = 128 << 10;

  /** Shared by all logs, because one thread serves them. */
  private static final NativeBuffer OUTPUT = new NativeBuffer(BUFFER_BYTES);

  private final Path path;
  private int fd = -1;
  private long device;
  private long inode;
  private long size;

  /** Everything up to here is whole entries that are accounted for. */
  private long wholeSize;

  private byte[] waiting = new byte[0];

  private LogFile(Path path) {
    this.path = path;
  }

  /** Opens or makes it. */
  static LogFile open(Path path) throws PosixException {
    LogFile file = new LogFile(path);
    file.take(openAt(path));
    return file;
  }

  /** As {@link #open}, and it must be there. */
  static LogFile openExisting(Path path) throws PosixException {
    LogFile file = new LogFile(path);
    file.take(Posix.open(path.toString(), Posix.O_RDWR | Posix.O_APPEND, 0));
    return file;
  }

  private static int openAt(Path path) throws PosixException {
    return Posix.open(path.toString(), Posix.O_RDWR | Posix.O_CREAT | Posix.O_APPEND, 0640);
  }

  private void take(int descriptor) throws PosixException {
    Posix.Status status = Posix.status(descriptor);
    fd = descriptor;
    device = status.device();
    inode = status.inode();
    size = status.size();
    wholeSize = size;
  }

  /** What a checkpoint names it by. */
  boolean is(long otherDevice, long otherInode) {
    return device == otherDevice && inode == otherInode;
  }

  Path path() {
    return path;
  }

  long device() {
    return device;
  }

  long inode() {
    return inode;
  }

  long size() {
    return size;
  }

  /**
   * Counts the entries from a position on, here or in the file that was this one before it was
   * renamed, and cuts off a last one without an end.
   *
   * @param position of the checkpoint; behind the end where the file was cut by somebody
   */
  void count(long ofDevice, long ofInode, long position, CriFormat.Counter counter)
      throws IOException {
    if (is(ofDevice, ofInode)) {
      count(fd, position, counter);
      take(fd);
      return;
    }
    int renamed = openByInode(ofDevice, ofInode);
    try {
      if (renamed >= 0) {
        count(renamed, position, counter);
      }
    } finally {
      Posix.close(renamed);
    }
  }

  private static void count(int fd, long position, CriFormat.Counter counter)
      throws PosixException {
    long at = Math.min(position, Posix.status(fd).size());
    long from = at;
    byte[] bytes = new byte[BUFFER_BYTES];
    while (true) {
      long count = Posix.pread(fd, OUTPUT, 0, BUFFER_BYTES, at);
      if (count <= 0) {
        break;
      }
      OUTPUT.get(0, bytes, 0, (int) count);
      counter.add(bytes, (int) count);
      at += count;
    }
    if (from + counter.wholeBytes() < at) {
      Posix.truncate(fd, from + counter.wholeBytes());
    }
  }

  private int openByInode(long wantedDevice, long wantedInode) throws IOException {
    return openBeside(path, wantedDevice, wantedInode);
  }

  /** Whether a file of that identity is in the folder of a log. */
  static boolean isBeside(Path log, long device, long inode) throws IOException {
    if (!Files.isDirectory(log.getParent())) {
      return false;
    }
    int found = openBeside(log, device, inode);
    Posix.close(found);
    return found >= 0;
  }

  private static int openBeside(Path path, long wantedDevice, long wantedInode) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path.getParent())) {
      for (Path file : files) {
        if (!Files.isRegularFile(file)) {
          continue;
        }
        int candidate = Posix.tryOpen(file.toString(), Posix.O_RDWR | Posix.O_APPEND, 0);
        if (candidate < 0) {
          continue;
        }
        Posix.Status status = Posix.status(candidate);
        if (status.device() == wantedDevice && status.inode() == wantedInode) {
          return candidate;
        }
        Posix.close(candidate);
      }
    }
    return -1;
  }

  /**
   * Appends. What the disk has no room for waits, and nothing may be appended before {@link
   * #settle} has written it.
   *
   * @return whether all of it is written
   */
  boolean append(byte[] bytes, int length) {
    int from = 0;
    while (from < length) {
      int part = Math.min(BUFFER_BYTES, length - from);
      OUTPUT.put(0, bytes, from, part);
      long count = Posix.write(fd, OUTPUT, 0, part);
      if (count < 0 && count != -Errno.EINTR) {
        waiting = Arrays.copyOfRange(bytes, from, length);
        return false;
      }
      from += (int) Math.max(0, count);
      size += Math.max(0, count);
    }
    return true;
  }

  boolean waits() {
    return waiting.length > 0;
  }

  /** Writes what waits; whether nothing waits any more. */
  boolean settle() {
    if (waiting.length == 0) {
      return true;
    }
    byte[] rest = waiting;
    waiting = new byte[0];
    return append(rest, rest.length);
  }

  /** All that was appended is whole entries, and accounted for. */
  void whole() {
    wholeSize = size;
  }

  /** Takes back what is not {@link #whole}, the rest that waits included. */
  void cut() throws PosixException {
    waiting = new byte[0];
    if (size > wholeSize) {
      Posix.truncate(fd, wholeSize);
      size = wholeSize;
    }
  }

  /** The file that is at the path now; this one is left as it is. */
  LogFile successor() throws PosixException {
    return open(path);
  }

  /** Renames {@code LOG} to {@code LOG.1}, after {@code LOG.1} to {@code LOG.2} and so on. */
  void shift(int mostFiles) throws IOException {
    for (int i = mostFiles - 2; i >= 1; i--) {
      Path from = numbered(i);
      if (Files.exists(from)) {
        Files.move(from, numbered(i + 1), StandardCopyOption.ATOMIC_MOVE);
      }
    }
    Files.move(path, numbered(1), StandardCopyOption.ATOMIC_MOVE);
  }

  private Path numbered(int number) {
    return path.resolveSibling(path.getFileName() + "." + number);
  }

  void close() {
    Posix.close(fd);
    fd = -1;
  }
}
