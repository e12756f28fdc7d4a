package dev.retainerd.replay.predicate;

import com.google.protobuf.Message;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Told;
import java.util.Optional;

/**
 * What a predicate looks at.
 *
 * @param told the event
 * @param state the state behind the event; empty where only events are looked at
 * @param thing the thing of the state that is looked at within {@code count(...)} and its like
 */
public record Scope(Told told, Optional<NodeState> state, Optional<Thing> thing) {

  /** An entry of the state with its key. */
  public record Thing(Key<?> key, Message entry) {}

  /** An event alone. */
  public static Scope of(Told told) {
    return new Scope(told, Optional.empty(), Optional.empty());
  }

  /** An event, and the state behind it. */
  public static Scope of(Told told, NodeState state) {
    return new Scope(told, Optional.of(state), Optional.empty());
  }

  Scope at(Thing one) {
    return new Scope(told, state, Optional.of(one));
  }
}
