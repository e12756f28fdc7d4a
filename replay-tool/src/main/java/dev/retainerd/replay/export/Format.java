package dev.retainerd.replay.export;

import dev.retainerd.store.words.Told;

/** A format: gets the events in order, one by one, and writes as it goes. Not thread-safe. */
public interface Format {

  /** Writes what stands before the first event. */
  default void begin() {}

  /** Writes one event. */
  void add(Told told);

  /** Writes what stands behind the last event. */
  default void end() {}
}
