package dev.retainerd.replay.history;

/** Rewind could not look. The message is one sentence for the operator. */
public final class LookFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LookFailure(String sentence) {
    super(sentence, null, false, false);
  }

  public LookFailure(String sentence, Throwable cause) {
    super(sentence, cause, false, false);
  }
}
