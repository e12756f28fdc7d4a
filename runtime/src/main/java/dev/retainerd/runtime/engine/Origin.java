package dev.retainerd.runtime.engine;

import dev.retainerd.eventlog.Actor;

/**
 * Who is behind an event.
 *
 * @param actor the caller's identity, or the daemon itself
 * @param requestId groups the events of one request; "" where there was none
 * @param causedBySequence the event that led to this one; 0 for none
 */
public record Origin(Actor actor, String requestId, long causedBySequence) {

  /** The same origin, as a consequence of the event of that sequence. */
  public Origin causedBy(long sequence) {
    return new Origin(actor, requestId, sequence);
  }
}
