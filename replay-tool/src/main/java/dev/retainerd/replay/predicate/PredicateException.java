package dev.retainerd.replay.predicate;

/** A predicate cannot be understood. The message is one sentence that says where and what. */
public final class PredicateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PredicateException(String sentence) {
    super(sentence, null, false, false);
  }
}
