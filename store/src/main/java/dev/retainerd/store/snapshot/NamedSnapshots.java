package dev.retainerd.store.snapshot;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.NewerFormatException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/**
 * The snapshots beside a log that is open, each checked against the event that names it. Asked from
 * the newest to the oldest, it reads the log behind the oldest one once. One thread at a time.
 */
public final class NamedSnapshots {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final EventLog log;
  private final SnapshotFolder folder;
  private final CoveredSnapshots covered = new CoveredSnapshots();
  private long through;

  public NamedSnapshots(EventLog log) {
    this.log = log;
    this.folder = SnapshotFolder.of(log.status().directory());
    this.through = log.durableSequence();
  }

  /** The files. */
  public SnapshotFolder folder() {
    return folder;
  }

  /**
   * Reads a snapshot to its end; empty where no event of the log names one of that sequence: the
   * daemon died before it could record that it had written it.
   *
   * @throws SnapshotDamagedException where it is not the one that is named
   */
  public Optional<StateSnapshot> check(long sequence)
      throws IOException, SnapshotDamagedException, InterruptedException {
    walk(sequence);
    Optional<byte[]> hash = covered.hashOf(sequence);
    if (hash.isEmpty()) {
      return Optional.empty();
    }
    StateSnapshot read = folder.check(sequence);
    if (!read.isNamedBy(hash.get())) {
      throw new SnapshotDamagedException(
          "the state snapshot " + read.file() + " is not the one that the log names", null);
    }
    return Optional.of(read);
  }

  private void walk(long behind) throws InterruptedException {
    try (LogReader reader = log.reader(behind + 1)) {
      while (reader.nextSequence() <= through) {
        try {
          Optional<Envelope> next = reader.poll(PATIENCE);
          if (next.isEmpty()) {
            break;
          }
          covered.see(next.get());
        } catch (NewerFormatException e) {
          throw e;
        } catch (EventLogException e) {
          // Whoever folds the events reports it; the snapshot may be named behind the gap.
          continue;
        }
      }
    }
    through = Math.min(through, behind);
  }
}
