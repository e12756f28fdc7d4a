package dev.retainerd.eventlog;

import java.util.Arrays;
import java.util.List;

/**
 * Which bytes of a payload may be secret, and what lets a copy without them still verify.
 *
 * <p>The hash of an event covers each secret span through its commitment, SHA-256 over salt,
 * position and bytes. A redacted copy holds the commitments in place of salt and bytes.
 *
 * @param spans in rising order, without overlap
 * @param salt 16 bytes where there are spans and the event is whole; else empty
 * @param commitments 32 bytes a span, one after the other, where the event is redacted; else empty
 */
public record Secrets(List<Span> spans, byte[] salt, byte[] commitments) {
  /** Bytes of a salt. */
  public static final int SALT_BYTES = 16;

  /** An event without secrets. */
  public static final Secrets NONE = new Secrets(List.of(), new byte[0], new byte[0]);

  /**
   * Part of a payload.
   *
   * @param offset of its first byte within the payload
   * @param length in bytes
   */
  public record Span(int offset, int length) {}

  public Secrets {
    spans = List.copyOf(spans);
    salt = salt.clone();
    commitments = commitments.clone();
  }

  /** Whether the secret bytes have been taken out. */
  public boolean redacted() {
    return commitments.length > 0;
  }

  @Override
  public byte[] salt() {
    return salt.clone();
  }

  @Override
  public byte[] commitments() {
    return commitments.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Secrets that
        && spans.equals(that.spans)
        && Arrays.equals(salt, that.salt)
        && Arrays.equals(commitments, that.commitments);
  }

  @Override
  public int hashCode() {
    return spans.hashCode() * 31 + Arrays.hashCode(salt);
  }

  @Override
  public String toString() {
    return spans.size() + " secret spans" + (redacted() ? ", redacted" : "");
  }
}
