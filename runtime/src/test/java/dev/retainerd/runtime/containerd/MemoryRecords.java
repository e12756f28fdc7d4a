package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.fold.IllegalTransitionException;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.state.Overlay;
import dev.retainerd.store.state.StateView;
import java.util.List;

/** Records without a disk: the real fold over a state in memory, and the real exchange. */
final class MemoryRecords implements Records {
  private final NodeState state = NodeState.inMemory();
  final EventExchange exchange = new EventExchange(state);

  @Override
  public StateView state() {
    return state;
  }

  @Override
  public synchronized long commit(String namespace, Event... events) {
    long now = Translation.nowNanos();
    long sequence = state.sequence();
    var next = new Overlay(state);
    try {
      for (Event event : events) {
        next.apply(Fold.fold(next, new EventHeader(++sequence, "boot", now, namespace), event));
      }
    } catch (IllegalTransitionException e) {
      throw Refusal.failedPrecondition(e.getMessage());
    }
    state.apply(sequence, next.deltas());
    List.of(events).forEach(event -> exchange.tell(namespace, now, event));
    return sequence;
  }
}
