package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A log opened for reading only: live, beside a daemon that writes it, or a copy. Archived
 * generations are read where they are, a frame at a time. Takes no lock and writes no byte, so that
 * it works on a read-only mount as well. Thread-safe; its cursors are not.
 */
public final class ReadOnlyLog {
  private static final long LOOK_AGAIN_MILLIS = 25;

  private final LogFolder folder;
  private final Archive archive;
  private final boolean apart;
  private final String nodeId;
  private final List<LogDamage> damages = new ArrayList<>();

  private ReadOnlyLog(LogFolder folder) throws IOException {
    this.folder = folder;
    this.apart = Archive.isOne(folder.path());
    this.archive = apart ? Archive.apart(folder) : new Archive(folder);
    List<Generation> generations = folder.generations(archive, damages);
    Optional<String> identity = folder.nodeId();
    if (identity.isEmpty() && !apart) {
      damages.add(
          new LogDamage(
              "metadata",
              folder.identityFile().toString(),
              "",
              0,
              0,
              "it is missing or damaged; the identity was taken from the newest generation"));
    }
    this.nodeId =
        identity.orElse(generations.isEmpty() ? "" : generations.getLast().start().nodeId());
  }

  /**
   * Opens a log.
   *
   * @param logOrRoot the log's folder, the daemon's root folder above it, or an archive by itself
   * @throws EventLogException where there is none, or a newer version wrote it
   */
  public static ReadOnlyLog open(Path logOrRoot) {
    try {
      return new ReadOnlyLog(LogFolder.find(logOrRoot));
    } catch (IOException e) {
      throw unreadable(logOrRoot, e);
    }
  }

  /** The log's own folder. */
  public Path folder() {
    return folder.path();
  }

  /** Whether it is an archive by itself, whose log goes on elsewhere. */
  public boolean archiveOnly() {
    return apart;
  }

  /** The node whose log it is; "" where nothing tells. */
  public String nodeId() {
    return nodeId;
  }

  /** What of the log's own files was damaged when it was opened. Events have their own findings. */
  public List<LogDamage> damages() {
    return List.copyOf(damages);
  }

  /** The generations there are now, oldest first. */
  public List<Generation> generations() {
    try {
      return folder.generations(archive, new ArrayList<>());
    } catch (IOException e) {
      throw unreadable(folder.path(), e);
    }
  }

  private List<Generation> generationsNow() throws IOException {
    return folder.generations(archive, new ArrayList<>());
  }

  /** The first event that is retained, archived or not; 0 where there is none. */
  public long firstSequence() {
    try (Walk walk = walk(1, false)) {
      while (true) {
        Optional<LogEntry> entry = walk.next();
        if (entry.isEmpty()) {
          return 0;
        }
        if (entry.get() instanceof LogEntry.Good good) {
          return good.envelope().sequence();
        }
      }
    }
  }

  /** The last event that can be read now; 0 where there is none. */
  public long lastSequence() {
    List<Generation> all = generations();
    for (int i = all.size() - 1; i >= 0; i--) {
      long last = 0;
      long from = all.get(i).firstSequence();
      if (all.get(i).seal().isPresent()) {
        from = Math.max(from, all.get(i).seal().get().lastSequence());
      }
      try (Walk walk = walk(lastHint(all.get(i), from), false)) {
        for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
          if (e.get() instanceof LogEntry.Good good) {
            last = good.envelope().sequence();
          }
        }
      }
      if (last > 0) {
        return last;
      }
    }
    return 0;
  }

  private static long lastHint(Generation generation, long from) {
    try {
      return Math.max(from, Positions.lastSequence(generation.folder()));
    } catch (IOException e) {
      return from;
    }
  }

  /** The event of that sequence; empty where it cannot be read or is not there. */
  public Optional<Envelope> get(long sequence) {
    try (Walk walk = walk(sequence, false)) {
      return walk.next()
          .flatMap(e -> e instanceof LogEntry.Good g ? Optional.of(g.envelope()) : Optional.empty())
          .filter(e -> e.sequence() == sequence);
    }
  }

  /**
   * Walks through the log.
   *
   * @param from the first event wanted, from 1
   * @param verify whether the hash chain is checked as well as CRC and sequence
   */
  public Walk walk(long from, boolean verify) {
    try {
      return new Walk(new LogCursor(this::generationsNow, from, verify));
    } catch (IOException e) {
      throw unreadable(folder.path(), e);
    }
  }

  /** A walk under way. One thread at a time. */
  public final class Walk implements AutoCloseable {
    private final LogCursor cursor;

    private Walk(LogCursor cursor) {
      this.cursor = cursor;
    }

    /** The next entry; empty at the end of what there is now. */
    public Optional<LogEntry> next() {
      try {
        return cursor.next();
      } catch (IOException e) {
        throw unreadable(folder.path(), e);
      }
    }

    /**
     * Tells the times of the events that come next; see {@link LogCursor#skim}.
     *
     * @param last the last event that is wanted
     */
    public void skim(long last, RecordScanner.Times told) {
      try {
        cursor.skim(last, told);
      } catch (IOException e) {
        throw unreadable(folder.path(), e);
      }
    }

    /** The next entry, waiting for one to be appended; empty where none came in time. */
    public Optional<LogEntry> await(Duration patience) throws InterruptedException {
      long deadline = System.nanoTime() + patience.toNanos();
      while (true) {
        Optional<LogEntry> entry = next();
        if (entry.isPresent() || System.nanoTime() - deadline >= 0) {
          return entry;
        }
        Thread.sleep(LOOK_AGAIN_MILLIS);
      }
    }

    /** The sequence expected next. */
    public long nextSequence() {
      return cursor.nextSequence();
    }

    /**
     * What is unreadable behind the last entry, as one sentence; "" for nothing. Beside a live
     * daemon this may be an event that is just being written.
     */
    public String tail() {
      return cursor.tail();
    }

    @Override
    public void close() {
      try {
        cursor.close();
      } catch (IOException e) {
        throw unreadable(folder.path(), e);
      }
    }
  }

  private static EventLogException unreadable(Path path, IOException e) {
    return new EventLogException("the event log in " + path + " cannot be read: " + e, e);
  }
}
