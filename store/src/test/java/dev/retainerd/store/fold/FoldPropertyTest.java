package dev.retainerd.store.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.state.Overlay;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** The fold gives the same state however the history is cut, and layered or not. */
class FoldPropertyTest {
  private static final int TRIES = 1500;

  @Property(tries = 60)
  void aCutAnywhereChangesNothing(@ForAll long seed, @ForAll @IntRange(max = 100) int percent) {
    List<RandomHistory.Recorded> history = new RandomHistory(seed).of(TRIES);
    int cut = history.size() * percent / 100;
    NodeState whole = folded(history);
    NodeState prefix = folded(history.subList(0, cut));
    NodeState resumed = NodeState.inMemory();
    copy(prefix, resumed);
    apply(history.subList(cut, history.size()), resumed);
    assertEquals(everything(whole), everything(resumed));
  }

  @Property(tries = 60)
  void anOverlayGivesWhatTheStateItselfGives(@ForAll long seed) {
    List<RandomHistory.Recorded> history = new RandomHistory(seed).of(TRIES);
    NodeState direct = folded(history);
    NodeState base = NodeState.inMemory();
    Overlay overlay = new Overlay(base);
    for (RandomHistory.Recorded r : history) {
      overlay.apply(Fold.fold(overlay, r.header(), r.event()));
    }
    base.apply(history.size(), overlay.deltas());
    assertEquals(everything(direct), everything(base));
  }

  @Property(tries = 40)
  void everyEntryNamesTheEventThatLastChangedIt(@ForAll long seed) {
    List<RandomHistory.Recorded> history = new RandomHistory(seed).of(TRIES);
    assertTrue(history.size() > 20, "a history of " + history.size() + " events shows little");
    NodeState state = NodeState.inMemory();
    for (RandomHistory.Recorded r : history) {
      for (var delta : Fold.fold(state, r.header(), r.event())) {
        state.apply(r.header().sequence(), List.of(delta));
      }
    }
    state.forEach(
        Kind.TASK,
        (key, task) -> {
          long changed = task.getProvenance().getChanged();
          assertTrue(changed >= task.getProvenance().getCreated(), key.toString());
          assertTrue(changed <= history.size(), key.toString());
        });
  }

  private static NodeState folded(List<RandomHistory.Recorded> history) {
    NodeState state = NodeState.inMemory();
    apply(history, state);
    return state;
  }

  private static void apply(List<RandomHistory.Recorded> history, NodeState state) {
    for (RandomHistory.Recorded r : history) {
      state.apply(r.header().sequence(), Fold.fold(state, r.header(), r.event()));
    }
  }

  private static void copy(NodeState from, NodeState to) {
    for (Kind<?> kind : Kind.ALL) {
      copyKind(kind, from, to);
    }
  }

  private static <T extends Message> void copyKind(Kind<T> kind, NodeState from, NodeState to) {
    from.forEach(
        kind,
        (key, entry) ->
            to.apply(from.sequence(), List.of(dev.retainerd.store.state.Delta.put(key, entry))));
  }

  private static Map<String, Message> everything(NodeState state) {
    Map<String, Message> all = new TreeMap<>();
    for (Kind<?> kind : Kind.ALL) {
      collect(kind, state, all);
    }
    return all;
  }

  private static <T extends Message> void collect(
      Kind<T> kind, NodeState state, Map<String, Message> all) {
    state.forEach(kind, (Key<T> key, T entry) -> all.put(key.toString(), entry));
  }
}
