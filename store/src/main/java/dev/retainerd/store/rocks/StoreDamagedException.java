package dev.retainerd.store.rocks;

/** The store cannot be used as it is; the log can rebuild it. */
final class StoreDamagedException extends Exception {
  private static final long serialVersionUID = 1L;

  StoreDamagedException(String message, Throwable cause) {
    super(message, cause);
  }
}
