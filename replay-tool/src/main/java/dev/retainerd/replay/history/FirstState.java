package dev.retainerd.replay.history;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.store.snapshot.CoveredSnapshots;
import dev.retainerd.store.snapshot.SnapshotDamagedException;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Told;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Where the fold of a history begins whose first events are not retained any more: at the oldest
 * snapshot of the state that is sound, named by an event, and followed by events that are there.
 */
final class FirstState {
  private FirstState() {}

  /**
   * Fills a state that is empty, where the history's beginning is gone.
   *
   * @param notes gets a sentence where no snapshot can be used
   * @return the last event that the state holds, where it is retained
   * @throws LookFailure where the point lies before that snapshot
   */
  static Optional<Told> load(
      History history, Until until, NodeState state, Consumer<String> notes) {
    EventSource source = history.source();
    Optional<Path> log = source.folder();
    long first = log.isPresent() ? first(source) : 0;
    if (first <= 1) {
      return Optional.empty();
    }
    SnapshotFolder folder = SnapshotFolder.of(log.get());
    try {
      for (long sequence : folder.sequences().reversed()) {
        if (sequence + 1 >= first && usable(source, folder, sequence, notes)) {
          Optional<Told> last = history.at(sequence);
          refuseEarlier(until, first, sequence);
          fill(folder, sequence, state);
          return last;
        }
      }
    } catch (IOException | SnapshotDamagedException e) {
      throw new LookFailure("the snapshots of the state cannot be read: " + e.getMessage(), e);
    }
    notes.accept(
        "the log begins at event "
            + first
            + " and no snapshot of the state before it can be used: only what later events say is"
            + " known");
    return Optional.empty();
  }

  private static long first(EventSource source) {
    try (EventSource.Walk walk = source.walk(1, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good) {
          return good.encoded().sequence();
        }
      }
    }
    return 0;
  }

  private static void refuseEarlier(Until until, long first, long sequence) {
    if (until.sequence() < sequence) {
      throw new LookFailure(
          until.point().words()
              + " lies before the first state that is known: the log begins at event "
              + first
              + ", and its first snapshot of the state holds event "
              + sequence);
    }
  }

  private static boolean usable(
      EventSource source, SnapshotFolder folder, long sequence, Consumer<String> notes)
      throws IOException {
    try {
      byte[] hash = named(source, sequence).orElse(new byte[0]);
      if (folder.check(sequence).isNamedBy(hash)) {
        return true;
      }
      notes.accept(
          "the snapshot " + folder.file(sequence) + " is not one that an event of the log names");
    } catch (SnapshotDamagedException e) {
      notes.accept(e.getMessage());
    }
    return false;
  }

  private static Optional<byte[]> named(EventSource source, long sequence) {
    CoveredSnapshots covered = new CoveredSnapshots();
    try (EventSource.Walk walk = source.walk(sequence + 1, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good) {
          Envelope envelope = good.envelope();
          covered.see(envelope);
          Optional<byte[]> hash = covered.hashOf(sequence);
          if (hash.isPresent()) {
            return hash;
          }
        }
      }
    }
    return Optional.empty();
  }

  private static void fill(SnapshotFolder folder, long sequence, NodeState state)
      throws IOException, SnapshotDamagedException {
    List<Delta<?>> entries = new ArrayList<>();
    folder.read(sequence, (kind, path, value) -> entries.add(put(kind, path, value)));
    state.apply(sequence, entries);
  }

  private static <T extends Message> Delta<T> put(Kind<T> kind, String path, byte[] value) {
    return Delta.put(Key.ofPath(kind, path), kind.parse(value));
  }
}
