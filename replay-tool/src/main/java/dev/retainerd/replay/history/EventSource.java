package dev.retainerd.replay.history;

import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.RecordScanner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Where events are read from: the folder of a log, an evidence file, a live daemon. Reading changes
 * nothing there. One thread at a time.
 */
public interface EventSource extends AutoCloseable {

  /** What an operator calls it. */
  String name();

  /** The node whose history it is; "" where nothing tells. */
  String nodeId();

  /** The last event that can be read now; 0 where there is none. */
  long lastSequence();

  /**
   * Walks through the events.
   *
   * @param from the first one wanted, from 1
   * @param verify whether hashes and chain are checked as well as CRC and sequence
   */
  Walk walk(long from, boolean verify);

  /**
   * How events lie around a moment.
   *
   * @param from the first event that is looked at
   * @param through the last one; {@link Long#MAX_VALUE} for all there are
   * @param nanos the moment, in nanoseconds since the epoch
   */
  default Around around(long from, long through, long nanos) {
    try (Walk walk = walk(from, false)) {
      return Around.of(walk, through, nanos);
    }
  }

  /** What was signed of it. */
  Witness witness();

  /** The folder that nothing may be written into; empty where it is none. */
  default Optional<Path> folder() {
    return Optional.empty();
  }

  /** What should be known beside every answer, a sentence each. */
  default List<String> findings() {
    return List.of();
  }

  /**
   * Why it cannot be what it says it is, a sentence each; empty where nothing speaks against it.
   */
  default List<String> faults() {
    return List.of();
  }

  /** Whether it holds every event between its first and its last. */
  default boolean dense() {
    return true;
  }

  @Override
  default void close() {}

  /** A walk under way. */
  interface Walk extends AutoCloseable {
    /** The next entry; empty at the end of what there is now. */
    Optional<LogEntry> next();

    /** The next entry, waiting for one; empty where none came in time. */
    Optional<LogEntry> await(Duration patience) throws InterruptedException;

    /**
     * Tells the times of some events that come next, perhaps of none: a way past many of them that
     * is faster than {@link #next}.
     *
     * @param last the last event that is wanted
     */
    default void skim(long last, RecordScanner.Times told) {}

    /** What is unreadable behind the last entry, as one sentence; "" for nothing. */
    String tail();

    @Override
    void close();
  }
}
