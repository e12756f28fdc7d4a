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

  private final History history;
  private final SnapshotFolder folder;
  private final Consumer<String> notes;

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
      History history, Point point, NodeState state, Consumer<String> notes) {
    return history
        .source()
        .folder()
        .flatMap(log -> new SnapshotStart(history, log, notes).fill(point, state));
  }

  private Optional<Told> fill(Point point, NodeState state) {
    try {
      for (long sequence : folder.sequences()) {
        if (point instanceof Point.Sequence wanted && wanted.sequence() < sequence) {
          continue;
        }
        Optional<Told> last = history.at(sequence);
        if (last.isPresent() && point.covers(last.get()) && usable(last.get())) {
          List<Delta<?>> entries = new ArrayList<>();
          folder.read(sequence, (kind, path, value) -> entries.add(put(kind, path, value)));
          state.apply(sequence, entries);
          return last;
        }
      }
    } catch (IOException | SnapshotDamagedException e) {
      notes.accept("snapshots of the state were not used: " + e.getMessage());
    }
    return Optional.empty();
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
      // Folded by another version: with all events at hand they are folded again.
      return snapshot.schema().equals(CatchUp.schema()) || history.at(1).isEmpty();
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
