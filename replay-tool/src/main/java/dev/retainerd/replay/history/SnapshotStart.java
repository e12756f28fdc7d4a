package dev.retainerd.replay.history;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.snapshot.CoveredSnapshots;
import dev.retainerd.store.snapshot.SnapshotDamagedException;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateSnapshot;
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
 * Where a replay may begin instead of at the first event: at a snapshot of the state that is sound
 * and whose hash an event of the log names.
 */
final class SnapshotStart {
  /** How far behind a snapshot the event that names it is looked for. */
  private static final long NAMED_WITHIN_EVENTS = 100_000;

  /** No more snapshots than these are tried, should many be damaged. */
  private static final int TRIED_MAX = 8;

  private final History history;
  private final SnapshotFolder folder;
  private final Consumer<String> notes;
  private boolean otherFold;

  private SnapshotStart(History history, Path log, Consumer<String> notes) {
    this.history = history;
    this.folder = SnapshotFolder.of(log);
    this.notes = notes;
  }

  /**
   * Fills {@code state} from the newest snapshot that the point covers.
   *
   * @return the last event that it holds; empty where there is none, and the state is as it was
   */
  static Optional<Told> fill(
      History history, Until until, NodeState state, Consumer<String> notes) {
    return history
        .source()
        .folder()
        .flatMap(log -> new SnapshotStart(history, log, notes).fill(until, state));
  }

  private Optional<Told> fill(Until until, NodeState state) {
    try {
      for (Told last : upTo(until.sequence()).reversed()) {
        if (usable(last)) {
          List<Delta<?>> entries = new ArrayList<>();
          folder.read(last.sequence(), (kind, path, value) -> entries.add(put(kind, path, value)));
          state.apply(last.sequence(), entries);
          return Optional.of(last);
        }
      }
    } catch (IOException | SnapshotDamagedException e) {
      notes.accept("snapshots of the state were not used: " + e.getMessage());
    }
    return Optional.empty();
  }

  /** The last events of the newest snapshots that hold no later one, oldest first. */
  private List<Told> upTo(long wanted) throws IOException {
    return folder.sequences().stream()
        .filter(sequence -> sequence <= wanted)
        .limit(TRIED_MAX)
        .sorted()
        .flatMap(sequence -> history.at(sequence).stream())
        .toList();
  }

  private static <T extends Message> Delta<T> put(Kind<T> kind, String path, byte[] value) {
    return Delta.put(Key.ofPath(kind, path), kind.parse(value));
  }

  private boolean usable(Told last) throws IOException {
    try {
      StateSnapshot snapshot = folder.check(last.sequence());
      if (!java.util.Arrays.equals(snapshot.headHash(), last.envelope().hash())
          || !named(snapshot)) {
        notes.accept(snapshot.file() + " was not used: no event of this log names it");
        return false;
      }
      if (snapshot.schema().equals(CatchUp.schema()) || history.at(1).isEmpty()) {
        return true;
      }
      // What this version's entries have and that one's had not would look as if it were empty.
      if (!otherFold) {
        notes.accept(
            "snapshots of the state that another version of the fold made were not used: with all"
                + " events at hand they are folded again");
      }
      otherFold = true;
      return false;
    } catch (SnapshotDamagedException e) {
      notes.accept(e.getMessage());
      return false;
    }
  }

  private boolean named(StateSnapshot snapshot) {
    CoveredSnapshots covered = new CoveredSnapshots();
    long through = snapshot.sequence() + NAMED_WITHIN_EVENTS;
    history.each(
        snapshot.sequence() + 1,
        encoded ->
            encoded.type() == EventType.STATE_SNAPSHOT_TAKEN.number()
                || encoded.sequence() > through,
        told -> {
          covered.see(told.envelope());
          return told.sequence() <= through && covered.hashOf(snapshot.sequence()).isEmpty();
        });
    return covered.hashOf(snapshot.sequence()).filter(snapshot::isNamedBy).isPresent();
  }
}
