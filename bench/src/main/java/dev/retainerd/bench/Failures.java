package dev.retainerd.bench;

import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;

/** Failures in words. */
final class Failures {
  private Failures() {}

  /** One sentence; a failure without a message is named by its kind. */
  static String sentence(Throwable failure) {
    String message = failure.getMessage();
    if (failure instanceof StatusRuntimeException || failure instanceof StatusException) {
      return "the runtime answered " + message;
    }
    return message == null ? failure.getClass().getSimpleName() : message;
  }
}
