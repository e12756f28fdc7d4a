package dev.retainerd.replay.predicate;

import dev.retainerd.store.state.Kind;
import java.util.Set;

/**
 * Something that holds or does not, of an event and of the state behind it. Immutable.
 *
 * @param text as it was written
 * @param test what it says
 * @param kinds the kinds of things it looks at: it changes its mind only where one of them changes
 * @param looksAtEvent whether it looks at the event as well
 */
public record Predicate(String text, Test test, Set<Kind<?>> kinds, boolean looksAtEvent) {

  /** The meaning of a predicate. */
  @FunctionalInterface
  public interface Test {
    boolean holds(Scope scope);
  }

  public Predicate {
    kinds = Set.copyOf(kinds);
  }

  /** Whether it can be answered from an event alone. */
  public boolean needsState() {
    return !kinds.isEmpty();
  }
}
