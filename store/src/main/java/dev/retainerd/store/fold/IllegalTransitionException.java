package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.EventType;

/** An event does not fit the state. The message names both, in one sentence. */
public final class IllegalTransitionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String subject;
  private final String phase;
  private final EventType type;

  IllegalTransitionException(String subject, String phase, EventType type) {
    super(subject + " is " + phase + ", which event " + type.title() + " does not allow");
    this.subject = subject;
    this.phase = phase;
    this.type = type;
  }

  /** What the event was about. */
  public String subject() {
    return subject;
  }

  /** The phase it is in; {@code absent} where there is none. */
  public String phase() {
    return phase;
  }

  /** The event that did not fit. */
  public EventType type() {
    return type;
  }
}
