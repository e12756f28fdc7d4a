package dev.retainerd.store.rocks;

import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.store.snapshot.NamedSnapshots;
import dev.retainerd.store.snapshot.SnapshotDamagedException;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Fills an empty store from the newest snapshot of the state that is sound, named by an event of
 * the log, and followed by events that are retained. One that is damaged is set aside, and an older
 * one or the whole log takes its place.
 */
final class SnapshotBase {
  private static final int BATCH_BYTES = 4 << 20;

  private final EventLog log;
  private final NamedSnapshots named;
  private final SnapshotFolder folder;
  private final List<LogDamage> damages;

  SnapshotBase(EventLog log, List<LogDamage> damages) {
    this.log = log;
    this.named = new NamedSnapshots(log);
    this.folder = named.folder();
    this.damages = damages;
  }

  /** Fills the store as far as a snapshot goes; it stays empty where none can be used. */
  void fill(RocksStore store, String schema) throws IOException {
    long first = log.firstSequence();
    Optional<StateSnapshot> base = newest(first, schema);
    if (base.isPresent()) {
      load(store, base.get());
    } else if (first > 1) {
      report(
          folder.path(),
          "",
          "the log begins at event " + first + " and no snapshot of the state before can be used");
    }
  }

  private Optional<StateSnapshot> newest(long first, String schema) throws IOException {
    List<Long> candidates =
        folder.sequences().stream()
            .filter(s -> s + 1 >= first && s <= log.durableSequence())
            .toList();
    if (candidates.isEmpty()) {
      return Optional.empty();
    }
    for (long sequence : candidates) {
      Optional<StateSnapshot> sound = check(sequence);
      // With all events at hand a state that was folded otherwise is folded again; without, its
      // entries are read as protobuf reads what an older version wrote.
      if (sound.isPresent() && (sound.get().schema().equals(schema) || first > 1)) {
        return sound;
      }
    }
    return Optional.empty();
  }

  private Optional<StateSnapshot> check(long sequence) throws IOException {
    try {
      return named.check(sequence);
    } catch (SnapshotDamagedException e) {
      report(folder.file(sequence), folder.setAside(sequence).toString(), e.getMessage());
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreException("the store's catching up was interrupted; start again", e);
    }
  }

  private void load(RocksStore store, StateSnapshot base) throws IOException {
    List<Delta<?>> batch = new ArrayList<>();
    int[] bytes = {0};
    try {
      folder.read(
          base.sequence(),
          (kind, path, value) -> {
            batch.add(put(kind, path, value));
            bytes[0] += value.length;
            if (bytes[0] > BATCH_BYTES) {
              // Until all of it is in, the store stands at no event: see RocksStore.halfFilled().
              store.apply(0, batch);
              batch.clear();
              bytes[0] = 0;
            }
          });
    } catch (SnapshotDamagedException e) {
      throw new IOException(e.getMessage() + "; it was sound a moment ago: see its disk", e);
    }
    store.apply(base.sequence(), batch);
  }

  private static <T extends com.google.protobuf.Message> Delta<T> put(
      Kind<T> kind, String path, byte[] value) {
    return Delta.put(Key.ofPath(kind, path), kind.parse(value));
  }

  private void report(Path path, String aside, String detail) {
    damages.add(new LogDamage("snapshot", path.toString(), aside, 0, 0, detail));
  }
}
