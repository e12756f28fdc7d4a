package dev.retainerd.eventlog;

import java.util.List;

/**
 * The node's history: a dense, hash-chained sequence of events.
 *
 * <p>{@link #append} and {@link #force} are called by one thread, the rest by any. Every method may
 * throw {@link EventLogException}.
 */
public interface EventLog extends AutoCloseable {

  /**
   * When and in which boot a batch is written. All events of a batch carry the same.
   *
   * @param bootId the kernel's boot id
   * @param wallNanos nanoseconds since the epoch
   * @param monotonicNanos nanoseconds since some point that stays the same within a boot
   */
  record Stamp(String bootId, long wallNanos, long monotonicNanos) {}

  /** That of a batch written now. */
  Stamp stamp();

  /** Appends a batch that is written now, see {@link #append(List, Stamp)}. */
  default Appended append(List<EnvelopeDraft> drafts) {
    return append(drafts, stamp());
  }

  /**
   * Appends a batch and gives it the next sequences. It is not durable before {@link #force}.
   *
   * @param drafts at least one
   * @param stamp as {@link #stamp} gave it, so that the caller knows beforehand what the events
   *     will say
   * @throws EventTooLargeException where one is too large; then none was appended
   * @throws EventLogException where the disk refuses; then the log takes no more appends until it
   *     is opened again, and how much of the batch is there is not known
   */
  Appended append(List<EnvelopeDraft> drafts, Stamp stamp);

  /** Makes everything appended so far durable, in the sense of the log's {@link Durability}. */
  void force();

  /** The first event that is retained; 0 where the log is empty. */
  long firstSequence();

  /** The last event appended; 0 where the log is empty. */
  long lastSequence();

  /** The last event that is durable. */
  long durableSequence();

  /** Hash of the last event appended; 32 zeros where the log is empty. */
  byte[] headHash();

  /**
   * A reader whose first event is {@code fromSequence}, or the first retained one where that is
   * later.
   *
   * @param fromSequence from 1; may lie in the future
   */
  LogReader reader(long fromSequence);

  /** The log's state now. */
  LogStatus status();

  /** Marks a clean stop and lets go of the folder. */
  @Override
  void close();
}
