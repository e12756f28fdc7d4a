package dev.retainerd.eventlog.event;

/**
 * An event of this log cannot be understood by this version of the code. Its message is one
 * sentence.
 */
public final class UnreadableEventException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UnreadableEventException(String message, Throwable cause) {
    super(message, cause);
  }
}
