package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.NativeBuffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
  private static final byte[] END = {'\n'};

  /** Shared by all logs, because one thread serves them. */
  private static final NativeBuffer INPUT = new NativeBuffer(READ_BYTES);

  private static final byte[] CONTENT = new byte[READ_BYTES];
  private static final byte[] ENTRIES = new byte[WRITE_BYTES];

  private final Path folder;
  private final Spool[] spools = new Spool[STREAMS.length];
  private final long[] logged = new long[STREAMS.length];

  /** Up to here no end of the line that begins at {@link #logged} was found. */
  private final long[] searched = new long[STREAMS.length];

  private LogFile file;
  private LogSettings settings;
  private final Allowance allowance = new Allowance();
  private long checkpointSize;
  private long checkpointInode;

  /** The stream and bytes that the entries account for whose rest waits in the file. */
  private int waitingStream;

  private long waitingStreamBytes;

  /** The entry that goes from spool to file in pieces; null for none. */
  private LongEntry longEntry;

  private int users;

  private CriLog(LogFile file, Path folder, LogSettings settings) {
    this.file = file;
    this.folder = folder;
    this.settings = settings;
  }

  /**
   * Opens the log, going on where a predecessor's checkpoint and spool say.
   *
   * @param folder of the process, for spool and checkpoint
   * @param settings unless others are kept there
   */
  static CriLog open(Path path, Path folder, LogSettings settings) throws IOException {
    return open(LogFile.open(path), folder, settings);
  }

  static CriLog open(LogFile file, Path folder, LogSettings settings) throws IOException {
    CriLog log = new CriLog(file, folder, settings.orKept(folder));
    long[] checkpoint = readCheckpoint(folder);
    if (checkpoint != null) {
      CriFormat.Counter counter = new CriFormat.Counter(STREAMS);
      file.count(checkpoint[0], checkpoint[1], checkpoint[2], counter);
      for (int i = 0; i < STREAMS.length; i++) {
        log.logged[i] = checkpoint[3 + i] + counter.count(i);
      }
    }
    for (int i = 0; i < STREAMS.length; i++) {
      log.spools[i] = Spool.open(folder, STREAMS[i], log.logged[i]);
      log.spools[i].removeFilesBelow(log.logged[i]);
    }
    log.checkpoint(file);
    return log;
  }

  Sink sink(int stream) {
    users++;
    return new StreamSink(stream);
  }

  LogSettings settings() {
    return settings;
  }

  /** From the next entry on, and for successors. */
  void set(LogSettings next) throws IOException {
    next.keep(folder);
    settings = next;
  }

  /** The process has ended: what is left is bounded, and need not wait. */
  void hurry() {
    settings =
        new LogSettings(settings.maxLineBytes(), 0, settings.maxFileBytes(), settings.maxFiles());
  }

  /** Writes what is whole; false when the disk is full. */
  private boolean format(int stream, boolean ended) {
    if (!settle()) {
      return false;
    }
    while (true) {
      int have = spools[stream].read(logged[stream], INPUT);
      INPUT.get(0, CONTENT, 0, have);
      boolean atEnd = ended && logged[stream] + have >= spools[stream].end();
      Batch batch = batch(stream, have, atEnd);
      if (batch.entryBytes() > 0) {
        if (!file.append(ENTRIES, batch.entryBytes())) {
          waitingStream = stream;
          waitingStreamBytes = batch.streamBytes();
          return false;
        }
        account(stream, batch.streamBytes());
      } else if (have < READ_BYTES || !beginLong(stream, ended)) {
        return true;
      } else if (!writeLong()) {
        return false;
      }
    }
  }

  /** Entries in {@link #ENTRIES}, and the bytes of the stream that they account for. */
  private record Batch(int entryBytes, int streamBytes) {}

  private Batch batch(int stream, int have, boolean atEnd) {
    byte[] prefix = null;
    int at = 0;
    int filled = 0;
    while (true) {
      CriFormat.Step step = CriFormat.next(CONTENT, at, have, atEnd, settings.cutBytes());
      if (step == null
          || filled + CriFormat.MAX_PREFIX_BYTES + step.contentBytes() + END.length > WRITE_BYTES) {
        return new Batch(filled, at);
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
  }

  /** An entry whose content does not fit into a buffer. */
  private static final class LongEntry {
    final int stream;
    final long end;
    final boolean full;
    long at;
    boolean ended;

    LongEntry(int stream, long at, long end, boolean full) {
      this.stream = stream;
      this.at = at;
      this.end = end;
      this.full = full;
    }
  }

  /** Finds the end of a line that is longer than a buffer; false while there is none. */
  private boolean beginLong(int stream, boolean ended) {
    long start = logged[stream];
    long cut = start + settings.cutBytes();
    long from = Math.max(searched[stream], start);
    boolean full = false;
    while (!full && from <= cut) {
      int have = spools[stream].read(from, INPUT);
      INPUT.get(0, CONTENT, 0, have);
      int index = 0;
      while (index < have && CONTENT[index] != '\n') {
        index++;
      }
      from += index;
      full = index < have;
      if (!full && have < READ_BYTES) {
        break;
      }
    }
    searched[stream] = from;
    boolean tooLong = from > cut;
    if (!full && !tooLong && !(ended && from >= spools[stream].end())) {
      return false;
    }
    longEntry = new LongEntry(stream, start, tooLong ? cut : from, full && !tooLong);
    searched[stream] = 0;
    byte[] prefix = CriFormat.prefix(Instant.now(), STREAMS[stream]);
    String tag = longEntry.full ? "F " : "P ";
    System.arraycopy(prefix, 0, ENTRIES, 0, prefix.length);
    System.arraycopy(tag.getBytes(StandardCharsets.US_ASCII), 0, ENTRIES, prefix.length, 2);
    file.append(ENTRIES, prefix.length + 2);
    return true;
  }

  private boolean writeLong() {
    LongEntry entry = longEntry;
    if (!file.settle()) {
      return false;
    }
    while (entry.at < entry.end) {
      int have = spools[entry.stream].read(entry.at, INPUT);
      int length = (int) Math.min(have, entry.end - entry.at);
      if (length <= 0) {
        return false;
      }
      INPUT.get(0, CONTENT, 0, length);
      entry.at += length;
      if (!file.append(CONTENT, length)) {
        return false;
      }
    }
    if (!entry.ended) {
      entry.ended = true;
      if (!file.append(END, END.length)) {
        return false;
      }
    }
    longEntry = null;
    account(entry.stream, entry.end - logged[entry.stream] + (entry.full ? 1 : 0));
    return true;
  }

  /** Brings what was begun to the end of its entries; false when the disk is full. */
  private boolean settle() {
    boolean waited = file.waits();
    if (!file.settle()) {
      return false;
    }
    if (longEntry != null) {
      return writeLong();
    }
    if (waited) {
      account(waitingStream, waitingStreamBytes);
    }
    return true;
  }

  /** Only called when every entry written is whole. */
  private void account(int stream, long streamBytes) {
    logged[stream] += streamBytes;
    file.whole();
    if (file.size() - checkpointSize >= CHECKPOINT_EVERY_BYTES
        || spools[stream].hasFilesBelow(logged[stream])) {
      checkpointQuietly();
    }
    if (settings.maxFileBytes() > 0 && file.size() >= settings.maxFileBytes()) {
      rotate();
    }
  }

  private void rotate() {
    // A successor looks for one renamed file, so each file begins with a checkpoint of its own.
    if (checkpointInode != file.inode()) {
      return;
    }
    try {
      file.shift(settings.maxFiles());
      goOnIn(file.successor());
    } catch (IOException e) {
      System.err.println("the log of " + folder + " is not rotated: " + e.getMessage());
    }
  }

  private void checkpointQuietly() {
    try {
      checkpoint(file);
      for (int i = 0; i < STREAMS.length; i++) {
        spools[i].removeFilesBelow(logged[i]);
      }
    } catch (IOException e) {
      // The older checkpoint still holds; a successor has more to count, and the spool grows.
    }
  }

  private void checkpoint(LogFile of) throws IOException {
    String text =
        of.device()
            + " "
            + of.inode()
            + " "
            + of.size()
            + " "
            + logged[0]
            + " "
            + logged[1]
            + " end\n";
    Path next = folder.resolve("log-position.new");
    Files.writeString(next, text);
    Files.move(next, folder.resolve("log-position"), StandardCopyOption.ATOMIC_MOVE);
    checkpointSize = of.size();
    checkpointInode = of.inode();
  }

  private static long[] readCheckpoint(Path folder) throws IOException {
    Path position = folder.resolve("log-position");
    if (!Files.exists(position)) {
      return null;
    }
    String[] fields = Files.readString(position).trim().split(" ");
    if (fields.length != 6 || !fields[5].equals("end")) {
      return null;
    }
    long[] numbers = new long[5];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Long.parseLong(fields[i]);
    }
    return numbers;
  }

  /**
   * Goes on in a new file at the same path; the caller has renamed the old one. An entry that the
   * full disk let in only in part is taken back, and goes into the new file whole.
   */
  void reopen() throws IOException {
    if (!settle()) {
      takeBack();
    }
    goOnIn(file.successor());
  }

  /** From here on the file holds whole entries only, all of them accounted for. */
  void takeBack() throws IOException {
    file.cut();
    longEntry = null;
  }

  /**
   * Leaves what is not written to whoever has room for it later; the sinks are closed then.
   *
   * @return whether it could
   */
  boolean leaveTo(Undelivered place) {
    try {
      takeBack();
      checkpoint(file);
    } catch (IOException e) {
      // A successor finds the position behind the older checkpoint, and cuts by itself.
    }
    return place.add(folder, file.path());
  }

  /** Whether the log that a folder belongs to has another name now. */
  static boolean isRenamed(Path folder, Path log) throws IOException {
    long[] checkpoint = readCheckpoint(folder);
    return checkpoint != null && LogFile.isBeside(log, checkpoint[0], checkpoint[1]);
  }

  /** No entry may be in a file that no checkpoint names: a successor would not look there. */
  private void goOnIn(LogFile next) throws IOException {
    try {
      checkpoint(next);
    } catch (IOException e) {
      next.close();
      throw e;
    }
    file.close();
    file = next;
  }

  private final class StreamSink implements Sink {
    private final int stream;
    private boolean closed;

    StreamSink(int stream) {
      this.stream = stream;
    }

    @Override
    public long take(int pipe, long most) {
      if ((file.waits() || longEntry != null) && !format(stream, false)) {
        return FULL;
      }
      long allowed = allowance.bytes(settings.bytesPerSecond());
      if (allowed <= 0) {
        return FULL;
      }
      long moved = spools[stream].take(pipe, Math.min(most, allowed));
      if (moved > 0) {
        allowance.spend(moved);
        // What the disk has no room for waits, and the next call finds it waiting.
        format(stream, false);
      } else if (moved == FULL) {
        // The spool's room is taken by a line without an end: it ends here.
        format(stream, true);
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
    public boolean spool(int pipe) {
      long moved;
      do {
        moved = spools[stream].take(pipe, Long.MAX_VALUE);
      } while (moved > 0);
      return moved != FULL;
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      if (--users == 0) {
        if (!file.waits() && longEntry == null) {
          checkpointQuietly();
        }
        spools[0].close();
        spools[1].close();
        file.close();
      }
    }
  }
}
