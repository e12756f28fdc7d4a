package dev.retainerd.eventlog;

/** Bytes that should be an envelope are none. The message says what is wrong with them. */
public final class DamagedEnvelopeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DamagedEnvelopeException(String message) {
    super(message);
  }
}
