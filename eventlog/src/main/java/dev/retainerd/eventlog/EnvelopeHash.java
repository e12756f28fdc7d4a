package dev.retainerd.eventlog;

import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;

/**
 * The hash of an event: SHA-256 over its bytes from the sequence on, after mark and format, with
 * each secret span standing for itself by its commitment. The same for an event and for its
 * redacted copy.
 *
 * <p>Not thread-safe: an instance keeps its digests.
 */
public final class EnvelopeHash {
  /** What stands in place of a secret byte: valid in text as well as in bytes. */
  public static final byte MASK = '*';

  private static final int MARK_AND_FORMAT_BYTES = 6;

  private final MessageDigest whole = sha256();
  private final MessageDigest part = sha256();
  private final byte[] computed = new byte[Envelope.HASH_BYTES];

  /** Gives a draft its place in the log. The result's hash is right. */
  public Envelope seal(
      EnvelopeDraft draft,
      long sequence,
      String bootId,
      long wallNanos,
      long monotonicNanos,
      byte[] previousHash,
      byte[] salt) {
    return sealEncoded(draft, sequence, 0, bootId, wallNanos, monotonicNanos, previousHash, salt)
        .envelope();
  }

  /** An envelope and its bytes. */
  public record Sealed(Envelope envelope, byte[] bytes) {}

  /**
   * As {@link #seal}, with the bytes, which are made on the way.
   *
   * @param durableBefore see {@link EnvelopeCodec#durableBeforeOf}
   */
  public Sealed sealEncoded(
      EnvelopeDraft draft,
      long sequence,
      long durableBefore,
      String bootId,
      long wallNanos,
      long monotonicNanos,
      byte[] previousHash,
      byte[] salt) {
    Secrets secrets =
        draft.secrets().isEmpty() ? Secrets.NONE : new Secrets(draft.secrets(), salt, new byte[0]);
    Envelope open =
        envelope(
            draft,
            sequence,
            bootId,
            wallNanos,
            monotonicNanos,
            previousHash,
            new byte[Envelope.HASH_BYTES],
            secrets);
    byte[] bytes = EnvelopeCodec.encode(open);
    byte[] hash = ofBytes(bytes);
    System.arraycopy(hash, 0, bytes, EnvelopeCodec.AT_HASH, hash.length);
    ByteBuffer.wrap(bytes).putLong(EnvelopeCodec.AT_DURABLE_BEFORE, durableBefore);
    EnvelopeCodec.putCrc(bytes);
    Envelope sealed =
        envelope(draft, sequence, bootId, wallNanos, monotonicNanos, previousHash, hash, secrets);
    return new Sealed(sealed, bytes);
  }

  private static Envelope envelope(
      EnvelopeDraft draft,
      long sequence,
      String bootId,
      long wallNanos,
      long monotonicNanos,
      byte[] previousHash,
      byte[] hash,
      Secrets secrets) {
    return new Envelope(
        sequence,
        bootId,
        wallNanos,
        monotonicNanos,
        draft.namespace(),
        draft.subject(),
        draft.actor(),
        draft.requestId(),
        draft.causedBySequence(),
        draft.type(),
        draft.schemaVersion(),
        draft.payloadShared(),
        previousHash,
        hash,
        secrets);
  }

  /** What the hash of this envelope must be. */
  public byte[] of(Envelope envelope) {
    return ofBytes(EnvelopeCodec.encode(envelope));
  }

  /** Whether the hash that the envelope carries is that of its content. */
  public boolean holds(Envelope envelope) {
    return Arrays.equals(envelope.hashShared(), of(envelope));
  }

  /**
   * The hash of an encoded envelope.
   *
   * @param bytes as {@link EnvelopeCodec#encode} made them; what stands for hash and CRC in them is
   *     not looked at
   */
  public byte[] ofBytes(byte[] bytes) {
    feed(bytes);
    return whole.digest();
  }

  /** Whether the hash that an encoded envelope carries is that of its content. */
  public boolean holds(EncodedEnvelope envelope) {
    byte[] bytes = envelope.bytes();
    feed(bytes);
    try {
      whole.digest(computed, 0, computed.length);
    } catch (DigestException e) {
      throw new IllegalStateException("a SHA-256 takes more than 32 bytes", e);
    }
    int at = EnvelopeCodec.AT_HASH;
    return Arrays.equals(bytes, at, at + computed.length, computed, 0, computed.length);
  }

  /** Lets {@link #whole} see what the hash is made over. */
  private void feed(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int spanCount = Short.toUnsignedInt(in.getShort(EnvelopeCodec.AT_SECRET_COUNT));
    int payloadAt = (int) EnvelopeCodec.payloadAt(in, spanCount);
    int payloadEnd = payloadAt + in.getInt(EnvelopeCodec.AT_PAYLOAD_LENGTH);
    whole.reset();
    whole.update(bytes, 0, MARK_AND_FORMAT_BYTES);
    int clearFrom = EnvelopeCodec.AT_SEQUENCE;
    boolean redacted = bytes[EnvelopeCodec.AT_FORM] == EnvelopeCodec.FORM_REDACTED;
    int spanAt = payloadAt - spanCount * EnvelopeCodec.SPAN_BYTES;
    for (int i = 0; i < spanCount; i++, spanAt += EnvelopeCodec.SPAN_BYTES) {
      int from = payloadAt + in.getInt(spanAt);
      int length = in.getInt(spanAt + 4);
      whole.update(bytes, clearFrom, from - clearFrom);
      if (redacted) {
        whole.update(bytes, payloadEnd + i * Envelope.HASH_BYTES, Envelope.HASH_BYTES);
      } else {
        whole.update(commitment(bytes, payloadEnd, i, from, length));
      }
      clearFrom = from + length;
    }
    whole.update(bytes, clearFrom, payloadEnd - clearFrom);
  }

  private byte[] commitment(byte[] bytes, int saltAt, int index, int from, int length) {
    part.reset();
    part.update(bytes, saltAt, Secrets.SALT_BYTES);
    part.update(ByteBuffer.allocate(4).putInt(index).flip());
    part.update(bytes, from, length);
    return part.digest();
  }

  /** A copy without its secret bytes and salt, which has the same hash. */
  public Envelope redact(Envelope e) {
    List<Secrets.Span> spans = e.secrets().spans();
    if (spans.isEmpty() || e.secrets().redacted()) {
      return e;
    }
    byte[] bytes = EnvelopeCodec.encode(e);
    int payloadEnd = bytes.length - Secrets.SALT_BYTES;
    int payloadAt = payloadEnd - e.payloadLength();
    byte[] payload = e.payload();
    ByteBuffer commitments = ByteBuffer.allocate(spans.size() * Envelope.HASH_BYTES);
    for (int i = 0; i < spans.size(); i++) {
      Secrets.Span span = spans.get(i);
      commitments.put(commitment(bytes, payloadEnd, i, payloadAt + span.offset(), span.length()));
      Arrays.fill(payload, span.offset(), span.offset() + span.length(), MASK);
    }
    return new Envelope(
        e.sequence(),
        e.bootId(),
        e.wallNanos(),
        e.monotonicNanos(),
        e.namespace(),
        e.subject(),
        e.actor(),
        e.requestId(),
        e.causedBySequence(),
        e.type(),
        e.schemaVersion(),
        payload,
        e.previousHashShared(),
        e.hashShared(),
        new Secrets(spans, new byte[0], commitments.array()));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
