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

  private static final long TOLERATED_NANOS = 1_000_000L;

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
      List<Told> covered =
          switch (point) {
            case Point.Sequence wanted -> upTo(wanted.sequence());
            case Point.Moment moment -> before(moment);
          };
      for (Told last : covered.reversed()) {
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

  /**
   * The same for a moment, which a clock that was set back lives through more than once: the first
   * time counts. So no event before may lie behind the moment, which two snapshots tell of all
   * those between them where the clock ran evenly; else each of these is looked at.
   */
  private List<Told> before(Point.Moment moment) throws IOException {
    List<Told> covered = new ArrayList<>();
    Optional<Told> previous = Optional.empty();
    for (long sequence : folder.sequences().reversed()) {
      Optional<Told> last = history.at(sequence);
      if (last.isEmpty()) {
        continue;
      }
      boolean evenly = previous.isPresent() && ranEvenly(previous.get(), last.get());
      long from = previous.map(Told::sequence).orElse(0L) + 1;
      if (!moment.covers(last.get()) || !evenly && passed(moment, from, sequence)) {
        break;
      }
      covered.add(last.get());
      previous = last;
    }
    return covered;
  }

  private static boolean ranEvenly(Told earlier, Told later) {
    long wall = later.envelope().wallNanos() - earlier.envelope().wallNanos();
    long real = later.envelope().monotonicNanos() - earlier.envelope().monotonicNanos();
    return earlier.envelope().bootId().equals(later.envelope().bootId())
        && Math.abs(wall - real) < TOLERATED_NANOS;
  }

  private boolean passed(Point.Moment moment, long from, long through) {
    boolean[] found = new boolean[1];
    long nanos = moment.nanos();
    history.each(
        from,
        encoded -> encoded.wallNanos() > nanos || encoded.sequence() > through,
        told -> {
          found[0] = told.sequence() <= through;
          return false;
        });
    return found[0];
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
