package dev.retainerd.eventlog;

import java.time.Duration;
import java.util.Optional;

/**
 * A cursor of its own in the log. Slow readers slow nobody. One thread at a time; {@link #close}
 * may be called by any.
 */
public interface LogReader extends AutoCloseable {

  /**
   * The next durable event, waiting up to {@code patience} for one.
   *
   * @return empty where none became durable in time, or the log was closed
   * @throws EventLogException where the next event cannot be read; asking again goes on behind it
   */
  Optional<Envelope> poll(Duration patience) throws InterruptedException;

  /** The sequence that {@link #poll} will hand out next. */
  long nextSequence();

  @Override
  void close();
}
