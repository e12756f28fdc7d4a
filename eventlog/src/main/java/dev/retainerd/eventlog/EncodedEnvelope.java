package dev.retainerd.eventlog;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * An envelope as bytes that have been checked as strictly as decoding would: what most readers ask
 * of most events is read in place, and the whole is decoded for whoever wants it. Not thread-safe.
 */
public final class EncodedEnvelope {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);

  private final byte[] bytes;
  private Envelope decoded;

  private EncodedEnvelope(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * Checks bytes: CRC, lengths, text, actor. Hash and chain are left to {@link EnvelopeHash}.
   *
   * @param bytes kept, and not to be changed any more
   * @throws DamagedEnvelopeException where they are no envelope of a known format
   */
  public static EncodedEnvelope check(byte[] bytes) {
    EnvelopeCodec.check(bytes);
    return new EncodedEnvelope(bytes);
  }

  /** What {@code envelope} is as bytes. */
  public static EncodedEnvelope of(Envelope envelope) {
    EncodedEnvelope encoded = new EncodedEnvelope(EnvelopeCodec.encode(envelope));
    encoded.decoded = envelope;
    return encoded;
  }

  /** The bytes themselves, not to be changed. */
  public byte[] bytes() {
    return bytes;
  }

  public long sequence() {
    return (long) LONG.get(bytes, EnvelopeCodec.AT_SEQUENCE);
  }

  public long wallNanos() {
    return (long) LONG.get(bytes, EnvelopeCodec.AT_SEQUENCE + 8);
  }

  public long monotonicNanos() {
    return (long) LONG.get(bytes, EnvelopeCodec.AT_SEQUENCE + 16);
  }

  /** The number of its type. */
  public int type() {
    return unsignedShort(EnvelopeCodec.AT_TYPE);
  }

  /** The version of its payload. */
  public int schemaVersion() {
    return unsignedShort(EnvelopeCodec.AT_TYPE + 2);
  }

  /** Whether its secrets have been taken out. */
  public boolean redacted() {
    return bytes[EnvelopeCodec.AT_FORM] == EnvelopeCodec.FORM_REDACTED;
  }

  /** A copy of the hash that it carries. */
  public byte[] hash() {
    return Arrays.copyOfRange(
        bytes, EnvelopeCodec.AT_HASH, EnvelopeCodec.AT_HASH + Envelope.HASH_BYTES);
  }

  /** Puts the hash that it carries into {@code to}, from {@code at} on. */
  public void copyHash(byte[] to, int at) {
    System.arraycopy(bytes, EnvelopeCodec.AT_HASH, to, at, Envelope.HASH_BYTES);
  }

  /** Whether {@code hash} is the one that it carries. */
  public boolean hasHash(byte[] hash) {
    return Arrays.equals(
        bytes, EnvelopeCodec.AT_HASH, EnvelopeCodec.AT_HASH + hash.length, hash, 0, hash.length);
  }

  /** Whether {@code before} is the hash that it names as its predecessor's. */
  public boolean follows(byte[] before) {
    int at = EnvelopeCodec.AT_PREVIOUS_HASH;
    return Arrays.equals(bytes, at, at + Envelope.HASH_BYTES, before, 0, before.length);
  }

  /** Whether both were written under one boot. */
  public boolean sameBoot(EncodedEnvelope other) {
    int length = stringLength(0);
    return length == other.stringLength(0)
        && Arrays.equals(
            bytes,
            EnvelopeCodec.HEADER_BYTES,
            EnvelopeCodec.HEADER_BYTES + length,
            other.bytes,
            EnvelopeCodec.HEADER_BYTES,
            EnvelopeCodec.HEADER_BYTES + length);
  }

  /** What it is about. */
  public String subject() {
    int at = EnvelopeCodec.HEADER_BYTES + stringLength(0) + stringLength(1);
    return new String(bytes, at, stringLength(2), StandardCharsets.UTF_8);
  }

  /** Whether what it is about has this text in it, given in ASCII or UTF-8. */
  public boolean subjectHas(byte[] text) {
    int from = EnvelopeCodec.HEADER_BYTES + stringLength(0) + stringLength(1);
    int last = from + stringLength(2) - text.length;
    for (int at = from; at <= last; at++) {
      if (Arrays.equals(bytes, at, at + text.length, text, 0, text.length)) {
        return true;
      }
    }
    return false;
  }

  private int stringLength(int i) {
    return unsignedShort(EnvelopeCodec.AT_STRING_LENGTHS + 2 * i);
  }

  private int unsignedShort(int at) {
    return Short.toUnsignedInt((short) SHORT.get(bytes, at));
  }

  /** All of it. */
  public Envelope envelope() {
    if (decoded == null) {
      decoded = EnvelopeCodec.decodeChecked(bytes);
    }
    return decoded;
  }
}
