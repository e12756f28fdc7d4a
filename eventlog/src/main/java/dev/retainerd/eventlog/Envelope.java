package dev.retainerd.eventlog;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;

/**
 * An event as it stands in the log. Immutable; arrays are copied on the way in and out.
 *
 * @param sequence position in the log, from 1, without gaps
 * @param bootId the kernel's boot id when it was written
 * @param wallNanos wall time, nanoseconds since the epoch; may step back
 * @param monotonicNanos nanoseconds since boot; comparable only within one boot id
 * @param namespace containerd's namespace; "" for node-wide events
 * @param subject what it is about, such as {@code container/web}
 * @param actor who made it happen
 * @param requestId groups the events of one request; "" for none
 * @param causedBySequence the event that led to this one; 0 for none
 * @param type number of the event's type, 1..65535
 * @param schemaVersion version of the payload, 1..65535
 * @param payload the encoded payload
 * @param previousHash 32 bytes: hash of the event before; zeros for the first
 * @param hash 32 bytes: SHA-256 over all of it, see docs/event-format.md
 * @param secrets which spans of the payload may be secret
 */
public record Envelope(
    long sequence,
    String bootId,
    long wallNanos,
    long monotonicNanos,
    String namespace,
    String subject,
    Actor actor,
    String requestId,
    long causedBySequence,
    int type,
    int schemaVersion,
    byte[] payload,
    byte[] previousHash,
    byte[] hash,
    Secrets secrets) {

  /** Bytes of a hash. */
  public static final int HASH_BYTES = 32;

  public Envelope {
    Objects.requireNonNull(bootId, "bootId");
    Objects.requireNonNull(namespace, "namespace");
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(actor, "actor");
    Objects.requireNonNull(requestId, "requestId");
    Objects.requireNonNull(secrets, "secrets");
    payload = payload.clone();
    previousHash = previousHash.clone();
    hash = hash.clone();
    if (previousHash.length != HASH_BYTES || hash.length != HASH_BYTES) {
      throw new IllegalArgumentException("a hash has 32 bytes");
    }
  }

  /** An envelope without secrets. */
  public Envelope(
      long sequence,
      String bootId,
      long wallNanos,
      long monotonicNanos,
      String namespace,
      String subject,
      Actor actor,
      String requestId,
      long causedBySequence,
      int type,
      int schemaVersion,
      byte[] payload,
      byte[] previousHash,
      byte[] hash) {
    this(
        sequence,
        bootId,
        wallNanos,
        monotonicNanos,
        namespace,
        subject,
        actor,
        requestId,
        causedBySequence,
        type,
        schemaVersion,
        payload,
        previousHash,
        hash,
        Secrets.NONE);
  }

  @Override
  public byte[] payload() {
    return payload.clone();
  }

  @Override
  public byte[] previousHash() {
    return previousHash.clone();
  }

  @Override
  public byte[] hash() {
    return hash.clone();
  }

  /** Bytes of the payload, without copying it. */
  public int payloadLength() {
    return payload.length;
  }

  /** Whether {@code before} is the hash that this event names as its predecessor's. */
  public boolean follows(byte[] before) {
    return Arrays.equals(previousHash, before);
  }

  /** The payload itself, for this package, which does not write into it. */
  byte[] payloadShared() {
    return payload;
  }

  byte[] previousHashShared() {
    return previousHash;
  }

  byte[] hashShared() {
    return hash;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Envelope that
        && sequence == that.sequence
        && bootId.equals(that.bootId)
        && wallNanos == that.wallNanos
        && monotonicNanos == that.monotonicNanos
        && namespace.equals(that.namespace)
        && subject.equals(that.subject)
        && actor.equals(that.actor)
        && requestId.equals(that.requestId)
        && causedBySequence == that.causedBySequence
        && type == that.type
        && schemaVersion == that.schemaVersion
        && Arrays.equals(payload, that.payload)
        && Arrays.equals(previousHash, that.previousHash)
        && Arrays.equals(hash, that.hash)
        && secrets.equals(that.secrets);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(sequence) * 31 + Arrays.hashCode(hash);
  }

  @Override
  public String toString() {
    return "event "
        + sequence
        + " type "
        + type
        + " about "
        + subject
        + " hash "
        + HexFormat.of().formatHex(hash, 0, 6);
  }
}
