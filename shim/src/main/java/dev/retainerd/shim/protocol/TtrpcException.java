package dev.retainerd.shim.protocol;

/**
 * A call that did not succeed, with the code and the sentence its caller is to see.
 *
 * <p>{@link StatusCode#UNAVAILABLE} means that the connection is gone, so that nobody knows whether
 * the call took effect; {@link StatusCode#DEADLINE_EXCEEDED} likewise, with the connection intact.
 */
public final class TtrpcException extends Exception {
  private static final long serialVersionUID = 1L;

  private final StatusCode code;

  public TtrpcException(StatusCode code, String message) {
    super(message);
    this.code = code;
  }

  public TtrpcException(StatusCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  public StatusCode code() {
    return code;
  }

  @Override
  public String toString() {
    return code + ": " + getMessage();
  }
}
