package dev.retainerd.eventlog;

import java.util.List;

/**
 * What one append put into the log.
 *
 * @param envelopes in the order of the drafts, sequences dense; never empty
 */
public record Appended(List<Envelope> envelopes) {

  public Appended {
    envelopes = List.copyOf(envelopes);
  }

  /** Sequence of the first event. */
  public long firstSequence() {
    return envelopes.getFirst().sequence();
  }

  /** Sequence of the last event. */
  public long lastSequence() {
    return envelopes.getLast().sequence();
  }
}
