package dev.retainerd.eventlog;

/** A log, or an event in it, was written by a newer version. The message names the mend. */
public final class NewerFormatException extends EventLogException {
  private static final long serialVersionUID = 1L;

  public NewerFormatException(String message) {
    super(message);
  }
}
