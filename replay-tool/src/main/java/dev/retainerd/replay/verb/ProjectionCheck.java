package dev.retainerd.replay.verb;

import com.google.protobuf.Message;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.store.rocks.StoreException;
import dev.retainerd.store.rocks.StoredProjection;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Told;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Compares a daemon's store with the history folded again up to the sequence that the store says it
 * stands at. Takes room for the state, not for the history.
 */
final class ProjectionCheck {
  private static final int TOLD_MAX = 100;

  /**
   * One key that is not as the history says.
   *
   * @param what what is wrong with it
   * @param event the event that should have made it right; 0 where none is known
   * @param sentence that event in words; "" where none is known
   */
  record Difference(String key, String what, long event, String sentence) {}

  /** What the comparison found. */
  record Result(Path store, long sequence, long keys, long count, List<Difference> differences) {
    boolean same() {
      return count == 0;
    }

    void print(Verb verb) {
      for (Difference d : differences) {
        verb.println(
            "store:  "
                + d.key()
                + " "
                + d.what()
                + (d.event() == 0 ? "" : "  by event " + d.event() + ": " + d.sentence()));
      }
      verb.println(
          "store:  at event "
              + sequence
              + ", "
              + keys
              + " entries, "
              + (same()
                  ? verb.paint().good("the same as the events make")
                  : verb.paint().bad(count + (count == 1 ? " differs" : " differ"))
                      + " from what the events make; with the daemon stopped, delete "
                      + store
                      + ": it is rebuilt from the log"));
    }

    Map<String, Object> tree() {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("same", same());
      tree.put("store", store.toString());
      tree.put("sequence", sequence);
      tree.put("keys", keys);
      tree.put("differing", count);
      tree.put("differences", differences);
      return tree;
    }
  }

  private final Set<Key<?>> stored = new HashSet<>();

  /** Only of keys that the store has: the event that took it away. */
  private final Map<Key<?>, Long> removedBy = new HashMap<>();

  private final List<Difference> differences = new ArrayList<>();
  private long count;

  private ProjectionCheck() {}

  /**
   * Compares.
   *
   * @throws LookFailure where the store cannot be read
   */
  static Result compare(History history, Path folder) {
    try (StoredProjection store = StoredProjection.open(folder)) {
      if (!store.nodeId().equals(history.source().nodeId())) {
        throw new LookFailure(
            folder
                + " is the store of node "
                + store.nodeId()
                + ", and the history is of node "
                + history.source().nodeId());
      }
      return new ProjectionCheck().compare(history, folder, store);
    } catch (StoreException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private Result compare(History history, Path folder, StoredProjection store) {
    store.forEachStored((kind, path, value) -> stored.add(Key.ofPath(kind, path)));
    Replay replay = new Replay(Verb::note);
    replay.watch(
        (sequence, deltas) -> {
          for (Delta<?> delta : deltas) {
            if (stored.contains(delta.key())) {
              if (delta.entry().isPresent()) {
                removedBy.remove(delta.key());
              } else {
                removedBy.put(delta.key(), sequence);
              }
            }
          }
        });
    long sequence = store.appliedSequence();
    if (sequence == 0) {
      throw new LookFailure("the store in " + folder + " holds nothing yet");
    }
    replay.upTo(history, new Point.Sequence(sequence));
    if (replay.state().sequence() < sequence) {
      throw new LookFailure(
          "the store in "
              + folder
              + " stands at event "
              + sequence
              + ", and the history ends with "
              + replay.state().sequence());
    }
    long[] keys = new long[1];
    Set<Key<?>> missing = keysOf(replay.state());
    store.forEachStored(
        (kind, path, value) -> {
          keys[0]++;
          Key<?> key = Key.ofPath(kind, path);
          missing.remove(key);
          compare(history, replay.state(), key, value);
        });
    for (Key<?> key : missing) {
      Message entry = replay.state().get(key).orElseThrow();
      differs(history, key, "is missing in the store", StateTables.changed(entry));
    }
    return new Result(folder, sequence, keys[0], count, differences);
  }

  private static Set<Key<?>> keysOf(NodeState state) {
    Set<Key<?>> keys = new HashSet<>();
    for (Kind<?> kind : Kind.ALL) {
      addKeys(state, kind, keys);
    }
    return keys;
  }

  private static <T extends Message> void addKeys(NodeState state, Kind<T> kind, Set<Key<?>> keys) {
    state.forEach(kind, (Key<T> key, T entry) -> keys.add(key));
  }

  private void compare(History history, NodeState state, Key<?> key, byte[] value) {
    var expected = state.get(key);
    if (expected.isEmpty()) {
      differs(
          history,
          key,
          removedBy.containsKey(key)
              ? "is in the store, and the events took it away"
              : "is in the store, and no event made it",
          removedBy.getOrDefault(key, 0L));
    } else if (!StoredProjection.same(expected.get(), value)) {
      differs(
          history,
          key,
          "is not what the events make of it" + fields(key.kind(), expected.get(), value),
          StateTables.changed(expected.get()));
    }
  }

  /** Names the fields that differ; their values may be secrets. */
  private static String fields(Kind<?> kind, Message expected, byte[] value) {
    try {
      Message found = kind.parse(value);
      List<String> names =
          expected.getDescriptorForType().getFields().stream()
              .filter(field -> !expected.getField(field).equals(found.getField(field)))
              .map(field -> field.getName())
              .toList();
      return names.isEmpty() ? "" : " (" + String.join(", ", names) + ")";
    } catch (IllegalArgumentException e) {
      return " (it cannot be decoded)";
    }
  }

  private void differs(History history, Key<?> key, String what, long event) {
    if (count++ < TOLD_MAX) {
      String sentence = event == 0 ? "" : history.at(event).map(Told::sentence).orElse("");
      differences.add(new Difference(key.toString(), what, event, sentence));
    }
  }
}
