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
import java.time.Instant;

/**
 * The CRI log of one process, with both streams in one file, such that the death of this process at
 * any instruction neither loses nor doubles a byte:
 *
 * <ul>
 *   <li>bytes leave the pipe only into a {@link Spool}, by splice;
 *   <li>entries are written from the spool; the log itself says how many bytes of each stream it
 *       accounts for (content, and one more for each full line);
 *   <li>a checkpoint ties a position of the log to a byte number of each stream, so that a
 *       successor counts only what follows it; a last entry without an end was torn by the death
 *       and is cut off.
 * </ul>
 *
 * <p>A power cut is no matter of this class: the spool lies on storage that ends with the machine's
 * run. Belongs to the loop's thread.
 */
final class CriLog {
  private static final String[] STREAMS = {"stdout", "stderr"};
  private static final long CHECKPOINT_EVERY_BYTES = 1 << 20;
  private static final int READ_BYTES = 64 << 10;
  private static final int WRITE_BYTES = 128 << 10;

  /** Shared by all logs, because one thread serves them. */
  private static final NativeBuffer INPUT = new NativeBuffer(READ_BYTES);

  private static final NativeBuffer OUTPUT = new NativeBuffer(WRITE_BYTES);
  private static final byte[] CONTENT = new byte[READ_BYTES];
  private static final byte[] ENTRIES = new byte[WRITE_BYTES];

  private final Path path;
  private final Path folder;
  private final Spool[] spools = new Spool[STREAMS.length];
  private final long[] logged = new long[STREAMS.length];
  private int fd = -1;
  private long size;
  private long device;
  private long inode;
  private long checkpointSize;

  /** Entries that the disk had no room for, and the stream and bytes they account for. */
  private byte[] waiting = new byte[0];

  private int waitingStream;
  private long waitingStreamBytes;
  private int users;

  private CriLog(Path path, Path folder) {
    this.path = path;
    this.folder = folder;
  }

  /**
   * Opens the log, going on where a predecessor's checkpoint and spool say.
   *
   * @param folder of the process, for spool and checkpoint
   */
  static CriLog open(Path path, Path folder) throws IOException {
    CriLog log = new CriLog(path, folder);
    long[] checkpoint = log.readCheckpoint();
    if (checkpoint == null) {
      log.openFile();
    } else {
      log.resume(checkpoint);
    }
    for (int i = 0; i < STREAMS.length; i++) {
      log.spools[i] = Spool.open(folder, STREAMS[i], log.logged[i]);
      log.spools[i].removeFilesBelow(log.logged[i]);
    }
    log.checkpoint();
    return log;
  }

  private void openFile() throws PosixException {
    fd = Posix.open(path.toString(), Posix.O_RDWR | Posix.O_CREAT | Posix.O_APPEND, 0640);
    identify();
  }

  private void identify() throws PosixException {
    Posix.Status status = Posix.status(fd);
    device = status.device();
    inode = status.inode();
    size = status.size();
  }

  private void resume(long[] checkpoint) throws IOException {
    logged[0] = checkpoint[3];
    logged[1] = checkpoint[4];
    openFile();
    boolean same = device == checkpoint[0] && inode == checkpoint[1];
    int current = fd;
    if (!same) {
      // Rotated by a rename since: what was written last is in the renamed file.
      fd = openByInode(checkpoint[0], checkpoint[1]);
    }
    if (fd >= 0) {
      countFrom(checkpoint[2]);
    }
    if (!same) {
      Posix.close(fd);
      fd = current;
    }
    identify();
  }

  private void countFrom(long position) throws PosixException {
    CriFormat.Counter counter = new CriFormat.Counter(STREAMS);
    long at = Math.min(position, Posix.status(fd).size());
    long from = at;
    while (true) {
      long count = Posix.pread(fd, INPUT, 0, READ_BYTES, at);
      if (count <= 0) {
        break;
      }
      INPUT.get(0, CONTENT, 0, (int) count);
      counter.add(CONTENT, (int) count);
      at += count;
    }
    if (from + counter.wholeBytes() < at) {
      Posix.truncate(fd, from + counter.wholeBytes());
    }
    logged[0] += counter.count(0);
    logged[1] += counter.count(1);
  }

  private int openByInode(long wantedDevice, long wantedInode) throws IOException {
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

  Sink sink(int stream) {
    users++;
    return new StreamSink(stream);
  }

  /** Writes what is whole; false when the disk is full. */
  private boolean format(int stream, boolean ended) {
    if (!writeWaiting()) {
      return false;
    }
    byte[] prefix = null;
    while (true) {
      int have = spools[stream].read(logged[stream], INPUT);
      INPUT.get(0, CONTENT, 0, have);
      int at = 0;
      int filled = 0;
      boolean atEnd = ended && logged[stream] + have >= spools[stream].end();
      while (filled <= WRITE_BYTES - CriFormat.MAX_PREFIX_BYTES - CriFormat.MAX_CONTENT_BYTES - 4) {
        CriFormat.Step step = CriFormat.next(CONTENT, at, have, atEnd);
        if (step == null) {
          break;
        }
        if (prefix == null) {
          prefix = CriFormat.prefix(Instant.now(), STREAMS[stream]);
        }
        System.arraycopy(prefix, 0, ENTRIES, filled, prefix.length);
        filled += prefix.length;
        ENTRIES[filled++] = (byte) (step.full() ? 'F' : 'P');
        ENTRIES[filled++] = ' ';
        System.arraycopy(CONTENT, at, ENTRIES, filled, step.contentBytes());
        filled += step.contentBytes();
        ENTRIES[filled++] = '\n';
        at += step.streamBytes();
      }
      if (filled == 0) {
        return true;
      }
      if (!write(ENTRIES, 0, filled, stream, at)) {
        return false;
      }
    }
  }

  private boolean writeWaiting() {
    if (waiting.length == 0) {
      return true;
    }
    byte[] entries = waiting;
    waiting = new byte[0];
    return write(entries, 0, entries.length, waitingStream, waitingStreamBytes);
  }

  private boolean write(byte[] entries, int from, int length, int stream, long streamBytes) {
    int written = 0;
    OUTPUT.put(0, entries, from, length);
    while (written < length) {
      long count = Posix.write(fd, OUTPUT, written, length - written);
      if (count < 0 && count != -Errno.EINTR) {
        waiting = java.util.Arrays.copyOfRange(entries, from + written, from + length);
        waitingStream = stream;
        waitingStreamBytes = streamBytes;
        return false;
      }
      written += (int) Math.max(0, count);
      size += Math.max(0, count);
    }
    logged[stream] += streamBytes;
    if (size - checkpointSize >= CHECKPOINT_EVERY_BYTES
        || spools[stream].hasFilesBelow(logged[stream])) {
      checkpointQuietly();
    }
    return true;
  }

  private void checkpointQuietly() {
    try {
      checkpoint();
      for (int i = 0; i < STREAMS.length; i++) {
        spools[i].removeFilesBelow(logged[i]);
      }
    } catch (IOException e) {
      // The older checkpoint still holds; a successor has more to count, and the spool grows.
    }
  }

  /** Only called when every entry written is whole. */
  private void checkpoint() throws IOException {
    String text = device + " " + inode + " " + size + " " + logged[0] + " " + logged[1] + " end\n";
    Path next = folder.resolve("log-position.new");
    Files.writeString(next, text);
    Files.move(next, folder.resolve("log-position"), StandardCopyOption.ATOMIC_MOVE);
    checkpointSize = size;
  }

  private long[] readCheckpoint() throws IOException {
    Path file = folder.resolve("log-position");
    if (!Files.exists(file)) {
      return null;
    }
    String[] fields = Files.readString(file).trim().split(" ");
    if (fields.length != 6 || !fields[5].equals("end")) {
      return null;
    }
    long[] numbers = new long[5];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Long.parseLong(fields[i]);
    }
    return numbers;
  }

  /** Goes on in a new file at the same path; the caller has renamed the old one. */
  void reopen() throws IOException {
    writeWaiting();
    int old = fd;
    openFile();
    Posix.close(old);
    checkpoint();
  }

  private final class StreamSink implements Sink {
    private final int stream;
    private boolean closed;

    StreamSink(int stream) {
      this.stream = stream;
    }

    @Override
    public long take(int pipe, long most) {
      if (waiting.length > 0 && !format(stream, false)) {
        return FULL;
      }
      long moved = spools[stream].take(pipe, most);
      if (moved > 0) {
        // What the disk has no room for waits, and the next call finds it waiting.
        format(stream, false);
      }
      return moved;
    }

    @Override
    public int blockedOn() {
      return -1;
    }

    @Override
    public boolean flush() {
      return format(stream, true);
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      if (--users == 0) {
        checkpointQuietly();
        spools[0].close();
        spools[1].close();
        Posix.close(fd);
      }
    }
  }
}
