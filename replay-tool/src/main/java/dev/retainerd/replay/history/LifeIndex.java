package dev.retainerd.replay.history;

import dev.retainerd.store.words.Told;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Knows which events may belong to the life of a thing, and of which times they are, without a look
 * at all of them.
 */
public interface LifeIndex {

  /** The whole id of what is meant; empty where the index cannot say for sure. */
  Optional<String> find(String id);

  /**
   * Hands out, in order, every event that the life of that thing may need, and others.
   *
   * @return the last event that the index knows of; whoever asks looks at later ones by himself
   */
  long life(String id, History history, Predicate<Told> take);

  /** How the events that it knows of lie around a moment; reads few of them. */
  Around around(long nanos, EventSource source);

  /** The last event that it knows of. */
  long last();

  /** Where it lies. */
  String place();
}
