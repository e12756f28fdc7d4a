package dev.retainerd.runtime.network;

/** A network configuration that cannot be used; its message is a sentence with source and mend. */
final class InvalidNetworkException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidNetworkException(String sentence) {
    super(sentence);
  }
}
