package dev.retainerd.eventlog.checkpoint;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogClock;
import dev.retainerd.eventlog.LogReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Follows the log with a reader of its own and writes a checkpoint every so many events, and at
 * least every so often where there were any: beside the log, and to a second place where one is
 * named. A thread of its own, so that no commit waits for a signature.
 */
public final class CheckpointKeeper implements AutoCloseable {
  /** File of the log's folder with all checkpoints, oldest first. */
  public static final String FILE = "checkpoints";

  /** File of the log's folder with the key that they verify with. */
  public static final String KEY_FILE = "checkpoint.pub";

  private static final int EVENTS_BOUND = 4096;

  /** So much of the file is read at a start: it grows as long as the node lives. */
  private static final int TAIL_BYTES = 64 << 10;

  /** No checkpoint is longer. */
  private static final int NOTE_BYTES = 4 << 10;

  private static final int COMPARED_BYTES = 1024;
  private static final int REST_BOUND_BYTES = 16 << 20;
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);

  private final EventLog log;
  private final Path keyFolder;
  private final Path file;
  private final Optional<Path> copy;
  private final Duration interval;
  private final LogClock clock;
  private final LogReader reader;
  private final List<byte[]> leaves = new ArrayList<>();
  private final Thread thread;
  private Optional<NodeKey> key = Optional.empty();
  private volatile boolean closing;
  private volatile long coveredSequence;
  private volatile String failure = "";

  private CheckpointKeeper(
      EventLog log, Path keyFolder, Optional<Path> secondFolder, Duration interval, LogClock clock)
      throws IOException {
    this.log = log;
    this.keyFolder = keyFolder;
    this.interval = interval;
    this.clock = clock;
    Path folder = log.status().directory();
    this.file = folder.resolve(FILE);
    this.copy = secondFolder.map(second -> second.resolve(log.status().nodeId() + "." + FILE));
    this.coveredSequence = lastCovered(file);
    this.reader = log.reader(coveredSequence + 1);
    this.thread = Thread.ofPlatform().daemon().name("checkpoints").start(this::run);
  }

  /**
   * Starts following a log, from its last checkpoint on.
   *
   * @param keyFolder where the node's key is, or is to be made; not within the log's folder
   * @param secondFolder where copies of the checkpoints go; best on another machine
   * @param interval how long an event may stand without a checkpoint
   */
  public static CheckpointKeeper start(
      EventLog log,
      Path keyFolder,
      Optional<Path> secondFolder,
      Duration interval,
      LogClock clock) {
    try {
      return new CheckpointKeeper(log, keyFolder, secondFolder, interval, clock);
    } catch (IOException e) {
      throw new EventLogException(
          "checkpoints cannot be written beside the event log: " + e + "; see its folder", e);
    }
  }

  private static long lastCovered(Path file) throws IOException {
    if (Files.notExists(file)) {
      return 0;
    }
    try {
      long size = Files.size(file);
      int length = (int) Math.min(size, TAIL_BYTES);
      byte[] tail = bytes(file, size - length, length);
      int first = length == size ? 0 : Math.max(0, Checkpoint.endOfNext(tail, 0));
      int end = first;
      for (int next = end; next >= 0; next = Checkpoint.endOfNext(tail, end)) {
        end = next;
      }
      List<Checkpoint> last = Checkpoint.parseAll(Arrays.copyOfRange(tail, first, end));
      if (length - end > NOTE_BYTES) {
        throw new EventLogException("its end is not in the form of checkpoints");
      }
      if (end < length) {
        // Broken off by a crash: the next one must not be appended to half of another.
        cut(file, size - length + end);
      }
      return last.isEmpty() ? 0 : last.getLast().lastSequence();
    } catch (EventLogException e) {
      Path aside = file.resolveSibling("set-aside").resolve(FILE + "-" + System.nanoTime());
      Files.createDirectories(aside.getParent());
      Files.move(file, aside);
      return 0;
    }
  }

  private static void cut(Path file, long length) throws IOException {
    try (RandomAccessFile half = new RandomAccessFile(file.toFile(), "rw")) {
      half.setLength(length);
    }
  }

  /** The last event that a checkpoint covers. */
  public long coveredSequence() {
    return coveredSequence;
  }

  /** Why the last checkpoint, or its copy, could not be written; "" where it was. */
  public String failure() {
    return failure;
  }

  private void run() {
    long due = System.nanoTime() + interval.toNanos();
    while (true) {
      quiet();
      try {
        long left = closing ? 0 : Math.max(0, due - System.nanoTime());
        Optional<Envelope> event = reader.poll(Duration.ofNanos(left));
        if (event.isPresent()) {
          leaves.add(event.get().hash());
        }
        boolean late = event.isEmpty() && (closing || System.nanoTime() - due >= 0);
        if (!leaves.isEmpty() && (leaves.size() >= EVENTS_BOUND || late)) {
          checkpoint();
        }
        if (late) {
          due = System.nanoTime() + interval.toNanos();
          if (closing) {
            return;
          }
        }
      } catch (EventLogException | IOException e) {
        // A gap in the history: begin anew behind it.
        failure = e.getMessage();
        leaves.clear();
        if (closing) {
          return;
        }
      } catch (InterruptedException e) {
        // close() says the same, and has said so before.
        closing = true;
      }
    }
  }

  /** After closing has begun no interrupt comes any more, and none is left. */
  private synchronized void quiet() {
    if (closing) {
      Thread.interrupted();
    }
  }

  private synchronized void checkpoint() throws IOException {
    long lastSequence = reader.nextSequence() - 1;
    Checkpoint checkpoint =
        key()
            .sign(
                new Checkpoint(
                    Checkpoint.originOf(log.status().nodeId()),
                    lastSequence - leaves.size() + 1,
                    lastSequence,
                    MerkleTree.root(leaves),
                    leaves.getLast(),
                    clock.wallNanos(),
                    ""));
    append(file, checkpoint.text().getBytes(StandardCharsets.UTF_8));
    leaves.clear();
    coveredSequence = lastSequence;
    failure = "";
    copy(checkpoint);
  }

  private static void append(Path file, byte[] bytes) throws IOException {
    try (FileOutputStream out = new FileOutputStream(file.toFile(), true)) {
      out.write(bytes);
      out.getFD().sync();
    }
  }

  /** What the second place missed while it was away is made up for. */
  private void copy(Checkpoint newest) {
    if (copy.isEmpty()) {
      return;
    }
    Path second = copy.get();
    try {
      Files.createDirectories(second.getParent());
      long there = Files.exists(second) ? Files.size(second) : 0;
      append(
          second,
          goesOn(second, there) ? rest(there) : newest.text().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      failure = "the copy in " + second + " waits: " + e;
    }
  }

  /** Whether the copy is the beginning of the file, as far as its last bytes tell. */
  private boolean goesOn(Path second, long there) throws IOException {
    if (there == 0 || there > Files.size(file)) {
      return there == 0;
    }
    int length = (int) Math.min(there, COMPARED_BYTES);
    return Arrays.equals(
        bytes(file, there - length, length), bytes(second, there - length, length));
  }

  private byte[] rest(long from) throws IOException {
    return bytes(file, from, (int) Math.min(REST_BOUND_BYTES, Files.size(file) - from));
  }

  private static byte[] bytes(Path file, long from, int length) throws IOException {
    byte[] bytes = new byte[length];
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      in.seek(from);
      in.readFully(bytes);
    }
    return bytes;
  }

  /** Not before it is needed, because a start must not wait for it. */
  private NodeKey key() throws IOException {
    if (key.isEmpty()) {
      key = Optional.of(NodeKey.loadOrMake(keyFolder, Checkpoint.originOf(log.status().nodeId())));
      Files.writeString(file.resolveSibling(KEY_FILE), key.get().verifier().text() + "\n");
    }
    return key.get();
  }

  /** Covers what is durable by now, and ends. To be called before the log is closed. */
  @Override
  public void close() {
    synchronized (this) {
      closing = true;
      thread.interrupt();
    }
    try {
      thread.join(CLOSE_PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    reader.close();
  }
}
