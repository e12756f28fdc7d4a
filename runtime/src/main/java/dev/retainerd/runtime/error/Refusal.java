package dev.retainerd.runtime.error;

import java.util.Objects;

/**
 * A request that is not carried out, with the reason as a code for programs and one sentence for
 * people.
 *
 * <p>The sentence names the thing and, where there is one, the mend. It reaches the client as it
 * stands, so it holds no secret and no stack. Whatever else is thrown counts as a fault of ours and
 * reaches the client without its text.
 *
 * <p>Immutable as far as exceptions can be; safe to hand between threads. It has no stack trace
 * unless it is {@link Code#INTERNAL}: a refusal is an answer, and thousands of them a second must
 * cost little.
 */
public final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why a request was refused: the codes that the clients of CRI and containerd tell apart. */
  public enum Code {
    /** The named thing does not exist. */
    NOT_FOUND,
    /** A thing of that name is there already. */
    ALREADY_EXISTS,
    /** The request is wrong whatever the state of the node. */
    INVALID_ARGUMENT,
    /** The request would be right in another state of the thing. */
    FAILED_PRECONDITION,
    /** Not now: a part that is needed does not answer; the same request may succeed later. */
    UNAVAILABLE,
    /** A bound is reached: disk, queue, address pool. */
    RESOURCE_EXHAUSTED,
    /** This daemon does not do it. */
    UNIMPLEMENTED,
    /** The wait for it ended before it did. */
    DEADLINE_EXCEEDED,
    /** The caller went away or asked to stop. */
    CANCELLED,
    /** The caller may not do this. */
    PERMISSION_DENIED,
    /** A position or range lies outside of what there is. */
    OUT_OF_RANGE,
    /** It was carried out, and what came of it cannot be said in full. */
    UNKNOWN,
    /** A fault of ours or of the node. */
    INTERNAL
  }

  private final Code code;

  /**
   * A refusal with its cause, which is for the daemon's own log and never sent to the client; null
   * for none.
   */
  public Refusal(Code code, String sentence, Throwable cause) {
    super(Objects.requireNonNull(sentence, "sentence"), cause, true, code == Code.INTERNAL);
    this.code = Objects.requireNonNull(code, "code");
  }

  public Refusal(Code code, String sentence) {
    this(code, sentence, null);
  }

  public Code code() {
    return code;
  }

  /** The sentence for the caller: the same as {@link #getMessage()}. */
  public String sentence() {
    return getMessage();
  }

  public boolean is(Code other) {
    return code == other;
  }

  /** The same refusal with this exception as its cause, for the log. */
  public Refusal because(Throwable cause) {
    return new Refusal(code, getMessage(), cause);
  }

  public static Refusal notFound(String sentence) {
    return new Refusal(Code.NOT_FOUND, sentence);
  }

  public static Refusal alreadyExists(String sentence) {
    return new Refusal(Code.ALREADY_EXISTS, sentence);
  }

  public static Refusal invalidArgument(String sentence) {
    return new Refusal(Code.INVALID_ARGUMENT, sentence);
  }

  public static Refusal failedPrecondition(String sentence) {
    return new Refusal(Code.FAILED_PRECONDITION, sentence);
  }

  public static Refusal unavailable(String sentence) {
    return new Refusal(Code.UNAVAILABLE, sentence);
  }

  public static Refusal resourceExhausted(String sentence) {
    return new Refusal(Code.RESOURCE_EXHAUSTED, sentence);
  }

  public static Refusal unimplemented(String sentence) {
    return new Refusal(Code.UNIMPLEMENTED, sentence);
  }

  public static Refusal deadlineExceeded(String sentence) {
    return new Refusal(Code.DEADLINE_EXCEEDED, sentence);
  }

  public static Refusal cancelled(String sentence) {
    return new Refusal(Code.CANCELLED, sentence);
  }

  public static Refusal permissionDenied(String sentence) {
    return new Refusal(Code.PERMISSION_DENIED, sentence);
  }

  public static Refusal outOfRange(String sentence) {
    return new Refusal(Code.OUT_OF_RANGE, sentence);
  }

  public static Refusal unknown(String sentence) {
    return new Refusal(Code.UNKNOWN, sentence);
  }

  public static Refusal internal(String sentence) {
    return new Refusal(Code.INTERNAL, sentence);
  }

  public static Refusal internal(String sentence, Throwable cause) {
    return new Refusal(Code.INTERNAL, sentence, cause);
  }
}
