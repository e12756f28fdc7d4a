package dev.retainerd.store.rocks;

/** The store cannot do what was asked. Its message is one sentence that names the mend. */
public final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StoreException(String message, Throwable cause) {
    super(message, cause);
  }
}
