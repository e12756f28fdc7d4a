package dev.retainerd.eventlog;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Envelopes as bytes, format 1. Big-endian, drawn byte by byte in docs/event-format.md. Reading is
 * strict: bytes that this class did not write are refused. Thread-safe, without state.
 */
public final class EnvelopeCodec {
  /** The format that is written, and the newest that is read. */
  public static final int FORMAT = 1;

  /** Bytes before the strings and the payload. */
  public static final int HEADER_BYTES = 156;

  /** The largest envelope that can be encoded at all, whatever a log's own limit. */
  public static final int CEILING_BYTES = 64 << 20;

  /** "RTEV": the first four bytes of every envelope. */
  public static final int MAGIC = 0x52544556;

  static final int FORM_WHOLE = 0;
  static final int FORM_REDACTED = 1;
  static final int AT_FORM = 6;
  static final int AT_LENGTH = 8;
  static final int AT_CRC = 12;
  static final int AT_DURABLE_BEFORE = 16;
  static final int AT_HASH = 24;
  static final int AT_SEQUENCE = 56;
  static final int AT_TYPE = 88;
  static final int AT_ACTOR_KIND = 92;
  static final int AT_SECRET_COUNT = 94;
  static final int AT_STRING_LENGTHS = 108;
  static final int AT_PAYLOAD_LENGTH = 120;
  static final int AT_PREVIOUS_HASH = 124;
  static final int SPAN_BYTES = 8;

  private static final int STRINGS = 5;
  private static final int STRING_BOUND = 65_535;
  private static final VarHandle EIGHT_BYTES =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private EnvelopeCodec() {}

  /** The bytes of an envelope, with its own hash, and a fresh CRC. */
  public static byte[] encode(Envelope e) {
    byte[][] strings = {
      utf8("boot id", e.bootId()),
      utf8("namespace", e.namespace()),
      utf8("subject", e.subject()),
      utf8("request id", e.requestId()),
      utf8("executable", e.actor().executable())
    };
    byte[] payload = e.payloadShared();
    Secrets secrets = e.secrets();
    long total = HEADER_BYTES + payload.length + (long) secrets.spans().size() * SPAN_BYTES;
    for (byte[] string : strings) {
      total += string.length;
    }
    total += secrets.salt().length + secrets.commitments().length;
    if (total > CEILING_BYTES) {
      throw new EventTooLargeException(
          e.subject(), e.type(), (int) Math.min(total, Integer.MAX_VALUE), CEILING_BYTES);
    }
    ByteBuffer out = ByteBuffer.allocate((int) total);
    putHeader(out, e, strings);
    for (byte[] string : strings) {
      out.put(string);
    }
    for (Secrets.Span span : secrets.spans()) {
      out.putInt(span.offset()).putInt(span.length());
    }
    out.put(payload).put(secrets.salt()).put(secrets.commitments());
    checkShape(out.array());
    putCrc(out.array());
    return out.array();
  }

  private static void putHeader(ByteBuffer out, Envelope e, byte[][] strings) {
    Secrets secrets = e.secrets();
    Actor actor = e.actor();
    out.putInt(MAGIC).putShort((short) FORMAT);
    out.put((byte) (secrets.redacted() ? FORM_REDACTED : FORM_WHOLE)).put((byte) 0);
    out.putInt(out.capacity()).putInt(0).putLong(0).put(e.hashShared());
    out.putLong(e.sequence()).putLong(e.wallNanos()).putLong(e.monotonicNanos());
    out.putLong(e.causedBySequence());
    out.putShort(unsignedShort("type", e.type()));
    out.putShort(unsignedShort("schema version", e.schemaVersion()));
    out.put((byte) actor.kind().number()).put((byte) 0);
    out.putShort(unsignedShort("number of secret spans", secrets.spans().size()));
    out.putInt(actor.pid()).putInt(actor.uid()).putInt(actor.gid());
    for (byte[] string : strings) {
      out.putShort((short) string.length);
    }
    out.putShort((short) 0).putInt(e.payloadLength()).put(e.previousHashShared());
  }

  /**
   * Reads an envelope that fills {@code bytes} exactly. Its CRC is checked; its hash is handed out
   * as it stands, see {@link EnvelopeHash}.
   *
   * @throws DamagedEnvelopeException where these bytes are no envelope of a known format
   */
  public static Envelope decode(byte[] bytes) {
    checkFrame(bytes);
    checkShape(bytes);
    return decodeChecked(bytes);
  }

  /** Refuses what {@link #decode} refuses, without decoding. */
  static void check(byte[] bytes) {
    checkFrame(bytes);
    checkShape(bytes);
    Actor.Kind.ofNumber(bytes[AT_ACTOR_KIND]);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int texts = (int) payloadAt(in, 0) - HEADER_BYTES;
    if (ascii(bytes, HEADER_BYTES, texts)) {
      return;
    }
    int at = HEADER_BYTES;
    for (int i = 0; i < STRINGS; i++) {
      int length = stringLength(in, i);
      text(bytes, at, length);
      at += length;
    }
  }

  /** Decodes bytes that have passed {@link #check}. */
  static Envelope decodeChecked(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    in.position(AT_HASH);
    byte[] hash = take(in, Envelope.HASH_BYTES);
    long sequence = in.getLong();
    long wallNanos = in.getLong();
    long monotonicNanos = in.getLong();
    long causedBy = in.getLong();
    int type = Short.toUnsignedInt(in.getShort());
    int schemaVersion = Short.toUnsignedInt(in.getShort());
    Actor.Kind kind = Actor.Kind.ofNumber(in.get());
    in.position(AT_SECRET_COUNT);
    int spanCount = Short.toUnsignedInt(in.getShort());
    int pid = in.getInt();
    int uid = in.getInt();
    int gid = in.getInt();
    in.position(AT_PREVIOUS_HASH);
    byte[] previousHash = take(in, Envelope.HASH_BYTES);
    String[] strings = new String[STRINGS];
    for (int i = 0; i < STRINGS; i++) {
      int length = stringLength(in, i);
      strings[i] = text(bytes, in.position(), length);
      in.position(in.position() + length);
    }
    List<Secrets.Span> spans = spans(in, spanCount);
    byte[] payload = take(in, in.getInt(AT_PAYLOAD_LENGTH));
    boolean redacted = bytes[AT_FORM] == FORM_REDACTED;
    byte[] rest = take(in, in.remaining());
    byte[] none = new byte[0];
    Secrets secrets =
        spanCount == 0
            ? Secrets.NONE
            : new Secrets(spans, redacted ? none : rest, redacted ? rest : none);
    return new Envelope(
        sequence,
        strings[0],
        wallNanos,
        monotonicNanos,
        strings[1],
        strings[2],
        new Actor(kind, pid, uid, gid, strings[4]),
        strings[3],
        causedBy,
        type,
        schemaVersion,
        payload,
        previousHash,
        hash,
        secrets);
  }

  /** The sequence in encoded bytes, without looking at anything else. */
  public static long sequenceOf(byte[] bytes) {
    return ByteBuffer.wrap(bytes).getLong(AT_SEQUENCE);
  }

  /**
   * Up to which sequence the log was durable when these bytes were appended; 0 where that is not
   * known. It tells, after a loss of power, a lost acknowledged event from one never acknowledged.
   */
  public static long durableBeforeOf(byte[] bytes) {
    return ByteBuffer.wrap(bytes).getLong(AT_DURABLE_BEFORE);
  }

  /** Checks what is the same in every format, now and later: mark, length, CRC, format. */
  private static void checkFrame(byte[] bytes) {
    if (bytes.length < HEADER_BYTES || bytes.length > CEILING_BYTES) {
      throw new DamagedEnvelopeException("it has " + bytes.length + " bytes");
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    if (in.getInt(0) != MAGIC) {
      throw new DamagedEnvelopeException("it does not start with the mark of an envelope");
    }
    if (in.getInt(AT_LENGTH) != bytes.length) {
      throw new DamagedEnvelopeException(
          "it says it has " + in.getInt(AT_LENGTH) + " bytes and has " + bytes.length);
    }
    if (in.getInt(AT_CRC) != crc(bytes)) {
      throw new DamagedEnvelopeException("its CRC is not that of its bytes");
    }
    int format = Short.toUnsignedInt(in.getShort(4));
    if (format > FORMAT) {
      throw new NewerFormatException(
          "an event has format "
              + format
              + " and this version reads up to "
              + FORMAT
              + "; use the version that wrote the log, or a newer one");
    }
  }

  /** Checks what decoding relies on in this format: reserved bytes, lengths of parts, spans. */
  static void checkShape(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int format = Short.toUnsignedInt(in.getShort(4));
    int form = bytes[AT_FORM];
    if (format < 1 || bytes[7] != 0 || bytes[93] != 0 || in.getShort(118) != 0) {
      throw new DamagedEnvelopeException("its reserved bytes are in use");
    }
    if (form != FORM_WHOLE && form != FORM_REDACTED) {
      throw new DamagedEnvelopeException("it has the unknown form " + form);
    }
    int payloadLength = in.getInt(AT_PAYLOAD_LENGTH);
    int spanCount = Short.toUnsignedInt(in.getShort(AT_SECRET_COUNT));
    if (payloadLength < 0 || bytes.length != expectedLength(in, payloadLength, spanCount, form)) {
      throw new DamagedEnvelopeException("the lengths of its parts do not add up to its own");
    }
    if (form == FORM_REDACTED && spanCount == 0) {
      throw new DamagedEnvelopeException("it is redacted but has no secrets");
    }
    checkSpans(in, spanCount, payloadLength);
  }

  private static long expectedLength(ByteBuffer in, int payload, int spanCount, int form) {
    long length = payloadAt(in, spanCount) + payload;
    if (spanCount == 0) {
      return length;
    }
    return length + (form == FORM_REDACTED ? spanCount * Envelope.HASH_BYTES : Secrets.SALT_BYTES);
  }

  private static void checkSpans(ByteBuffer in, int spanCount, int payloadLength) {
    int at = (int) payloadAt(in, spanCount) - spanCount * SPAN_BYTES;
    long end = 0;
    for (int i = 0; i < spanCount; i++, at += SPAN_BYTES) {
      int offset = in.getInt(at);
      int length = in.getInt(at + 4);
      if (offset < end || length <= 0 || (long) offset + length > payloadLength) {
        throw new DamagedEnvelopeException("secret span " + i + " does not lie in the payload");
      }
      end = (long) offset + length;
    }
  }

  /** Where the payload starts. */
  static long payloadAt(ByteBuffer in, int spanCount) {
    long at = HEADER_BYTES + (long) spanCount * SPAN_BYTES;
    for (int i = 0; i < STRINGS; i++) {
      at += stringLength(in, i);
    }
    return at;
  }

  private static int stringLength(ByteBuffer in, int i) {
    return Short.toUnsignedInt(in.getShort(AT_STRING_LENGTHS + 2 * i));
  }

  private static List<Secrets.Span> spans(ByteBuffer in, int count) {
    if (count == 0) {
      return List.of();
    }
    List<Secrets.Span> spans = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      spans.add(new Secrets.Span(in.getInt(), in.getInt()));
    }
    return spans;
  }

  static void putCrc(byte[] bytes) {
    ByteBuffer.wrap(bytes).putInt(AT_CRC, crc(bytes));
  }

  private static int crc(byte[] bytes) {
    return crc(bytes, 0, bytes.length);
  }

  private static int crc(byte[] bytes, int at, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, at, AT_CRC);
    crc.update(bytes, at + AT_DURABLE_BEFORE, length - AT_DURABLE_BEFORE);
    return (int) crc.getValue();
  }

  /**
   * Whether an envelope of this or an older format lies among these bytes with its CRC intact. It
   * may still be one that {@link #check} finds fault with.
   */
  public static boolean framedAt(byte[] bytes, int at, int length) {
    return length >= HEADER_BYTES
        && intAt(bytes, at) == MAGIC
        && intAt(bytes, at + AT_LENGTH) == length
        && intAt(bytes, at + 4) >>> 16 <= FORMAT
        && intAt(bytes, at + AT_CRC) == crc(bytes, at, length);
  }

  /** By shifts: a var handle is slow before the best compiler has come, which short runs end. */
  private static int intAt(byte[] bytes, int at) {
    return bytes[at] << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | bytes[at + 3] & 0xff;
  }

  private static long longAt(byte[] bytes, int at) {
    return (long) intAt(bytes, at) << 32 | intAt(bytes, at + 4) & 0xffff_ffffL;
  }

  /** The sequence of an envelope that lies among these bytes. */
  public static long sequenceAt(byte[] bytes, int at) {
    return longAt(bytes, at + AT_SEQUENCE);
  }

  /** The wall time of an envelope that lies among these bytes, in nanoseconds since the epoch. */
  public static long wallNanosAt(byte[] bytes, int at) {
    return longAt(bytes, at + AT_SEQUENCE + 8);
  }

  private static byte[] take(ByteBuffer in, int length) {
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private static short unsignedShort(String name, int value) {
    if (value < 0 || value > 65_535) {
      throw new EventLogException("an event's " + name + " is " + value + ", not 0 to 65535");
    }
    return (short) value;
  }

  private static byte[] utf8(String name, String text) {
    byte[] bytes = null;
    if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
      bytes = text.getBytes(StandardCharsets.UTF_8);
    } else {
      try {
        ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        bytes = Arrays.copyOf(encoded.array(), encoded.limit());
      } catch (CharacterCodingException e) {
        throw new EventLogException("an event's " + name + " is not valid Unicode", e);
      }
    }
    if (bytes.length > STRING_BOUND) {
      throw new EventLogException(
          "an event's " + name + " has " + bytes.length + " bytes, more than " + STRING_BOUND);
    }
    return bytes;
  }

  private static String text(byte[] bytes, int offset, int length) {
    return ascii(bytes, offset, length)
        ? new String(bytes, offset, length, StandardCharsets.ISO_8859_1)
        : strictText(bytes, offset, length);
  }

  private static boolean ascii(byte[] bytes, int offset, int length) {
    int i = offset;
    for (; i + Long.BYTES <= offset + length; i += Long.BYTES) {
      if (((long) EIGHT_BYTES.get(bytes, i) & 0x8080_8080_8080_8080L) != 0) {
        return false;
      }
    }
    for (; i < offset + length; i++) {
      if (bytes[i] < 0) {
        return false;
      }
    }
    return true;
  }

  private static String strictText(byte[] bytes, int offset, int length) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, offset, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw new DamagedEnvelopeException("it holds text that is not UTF-8");
    }
  }
}
