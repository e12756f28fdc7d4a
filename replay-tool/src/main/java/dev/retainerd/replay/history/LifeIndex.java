package dev.retainerd.replay.history;

import dev.retainerd.store.words.Told;
import java.util.Optional;
import java.util.function.Predicate;

/** Knows which events may belong to the life of a thing, without a look at all of them. */
public interface LifeIndex {

  /** The whole id of what is meant; empty where the index cannot say for sure. */
  Optional<String> find(String id);

  /**
   * Hands out, in order, every event that the life of that thing may need, and others.
   *
   * @return the last event that the index knows of; whoever asks looks at later ones by himself
   */
  long life(String id, History history, Predicate<Told> take);

  /** Where it lies. */
  String place();
}
