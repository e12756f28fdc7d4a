package dev.retainerd.bench.node;

/** A runtime could not be started, asked or removed; the message is one sentence with the mend. */
public final class NodeException extends Exception {
  private static final long serialVersionUID = 1L;

  /** With a message only. */
  public NodeException(String message) {
    super(message);
  }

  /** With a message and what led to it. */
  public NodeException(String message, Throwable cause) {
    super(message, cause);
  }
}
