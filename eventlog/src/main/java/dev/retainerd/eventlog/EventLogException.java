package dev.retainerd.eventlog;

/** The log cannot do what was asked. Its message is one sentence that names the mend. */
public class EventLogException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public EventLogException(String message) {
    super(message);
  }

  public EventLogException(String message, Throwable cause) {
    super(message, cause);
  }
}
