package dev.retainerd.eventlog;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class EnvelopeCodecTest {
  private static final String GOLDEN = "/golden/envelope-v1.hex";

  @Property(tries = 500)
  void whatIsEncodedIsDecoded(@ForAll("envelopes") Envelope envelope) {
    byte[] bytes = EnvelopeCodec.encode(envelope);
    Envelope decoded = EnvelopeCodec.decode(bytes);
    assertEquals(envelope, decoded);
    assertArrayEquals(bytes, EnvelopeCodec.encode(decoded));
    assertTrue(new EnvelopeHash().holds(decoded));
  }

  @Property(tries = 300)
  void aRedactedCopyHasTheSameHashAndNotTheSecrets(@ForAll("envelopes") Envelope envelope) {
    EnvelopeHash hasher = new EnvelopeHash();
    Envelope redacted = EnvelopeCodec.decode(EnvelopeCodec.encode(hasher.redact(envelope)));
    assertTrue(hasher.holds(redacted));
    assertEquals(0, redacted.secrets().salt().length);
    byte[] payload = redacted.payload();
    for (Secrets.Span span : envelope.secrets().spans()) {
      for (int i = 0; i < span.length(); i++) {
        assertEquals(EnvelopeHash.MASK, payload[span.offset() + i]);
      }
    }
  }

  @Test
  void everySingleBitFlipIsDetected() {
    byte[] bytes = EnvelopeCodec.encode(golden());
    for (int i = 0; i < bytes.length * 8; i++) {
      byte[] flipped = bytes.clone();
      flipped[i / 8] ^= (byte) (1 << i % 8);
      assertThrows(DamagedEnvelopeException.class, () -> EnvelopeCodec.decode(flipped), "bit " + i);
    }
  }

  @Property(tries = 2000)
  void bytesThatAreNoEnvelopeAreRefusedAsDamage(
      @ForAll byte[] noise, @ForAll int at, @ForAll int length) {
    byte[] bytes = EnvelopeCodec.encode(golden());
    int from = Math.floorMod(at, bytes.length);
    int end = Math.min(bytes.length, from + noise.length);
    System.arraycopy(noise, 0, bytes, from, end - from);
    byte[] cut = Arrays.copyOf(bytes, Math.floorMod(length, bytes.length + 10));
    for (byte[] some : List.of(bytes, cut, noise)) {
      // A right CRC takes the fuzz behind the first door.
      if (some.length >= EnvelopeCodec.HEADER_BYTES) {
        EnvelopeCodec.putCrc(some);
      }
      try {
        assertEquals(some.length, EnvelopeCodec.encode(EnvelopeCodec.decode(some)).length);
      } catch (DamagedEnvelopeException | NewerFormatException expected) {
        assertFalse(expected.getMessage().isEmpty());
      }
    }
  }

  @Test
  void everyByteOfTheHashedPartCountsForTheHash() {
    EnvelopeHash hasher = new EnvelopeHash();
    byte[] bytes = EnvelopeCodec.encode(golden());
    byte[] hash = hasher.ofBytes(bytes);
    int payloadEnd = bytes.length - Secrets.SALT_BYTES;
    int lengths = EnvelopeCodec.AT_STRING_LENGTHS;
    for (int i = EnvelopeCodec.AT_SEQUENCE; i < bytes.length; i++) {
      boolean shapes =
          i == EnvelopeCodec.AT_SECRET_COUNT
              || i == EnvelopeCodec.AT_SECRET_COUNT + 1
              || i >= lengths && i < EnvelopeCodec.AT_PREVIOUS_HASH
              || i >= payloadEnd - golden().payloadLength() - EnvelopeCodec.SPAN_BYTES
                  && i < payloadEnd - golden().payloadLength();
      if (!shapes) {
        byte[] other = bytes.clone();
        other[i] ^= 1;
        assertFalse(Arrays.equals(hash, hasher.ofBytes(other)), "byte " + i);
      }
    }
  }

  @Test
  void theGoldenEnvelopeOfFormat1IsReadAndWrittenForEver() throws IOException {
    byte[] golden = readGolden();
    Envelope decoded = EnvelopeCodec.decode(golden);
    assertEquals(golden(), decoded);
    assertArrayEquals(golden, EnvelopeCodec.encode(golden()));
    assertTrue(new EnvelopeHash().holds(decoded));
  }

  @Test
  void anEnvelopeOfANewerFormatIsRefusedWithASentence() {
    byte[] bytes = EnvelopeCodec.encode(golden());
    bytes[5] = 2;
    EnvelopeCodec.putCrc(bytes);
    NewerFormatException e =
        assertThrows(NewerFormatException.class, () -> EnvelopeCodec.decode(bytes));
    assertTrue(e.getMessage().contains("format 2"), e.getMessage());
  }

  @Test
  void textThatIsNoUnicodeIsRefused() {
    EnvelopeDraft draft =
        new EnvelopeDraft("ns", "container/\ud800", Actor.daemon(), "", 0, 1, 1, new byte[0]);
    assertThrows(
        EventLogException.class,
        () -> new EnvelopeHash().seal(draft, 1, "b", 0, 0, new byte[32], new byte[0]));
  }

  /** Do not change: its bytes stand in {@value #GOLDEN}. */
  static Envelope golden() {
    byte[] salt = new byte[Secrets.SALT_BYTES];
    byte[] previous = new byte[Envelope.HASH_BYTES];
    for (int i = 0; i < salt.length; i++) {
      salt[i] = (byte) (i * 3);
    }
    for (int i = 0; i < previous.length; i++) {
      previous[i] = (byte) (255 - i);
    }
    EnvelopeDraft draft =
        new EnvelopeDraft(
            "k8s.io",
            "container/wéb",
            new Actor(Actor.Kind.CLIENT, 4711, 1000, 100, "/usr/bin/ctr"),
            "5e0f",
            41,
            62,
            1,
            "PASSWORD=hunter2 and the rest".getBytes(StandardCharsets.UTF_8),
            List.of(new Secrets.Span(9, 7)));
    return new EnvelopeHash()
        .seal(
            draft,
            42,
            "b7a1c5e2-0000-4000-8000-000000000001",
            1_700_000_000_123_456_789L,
            987_654_321L,
            previous,
            salt);
  }

  private static byte[] readGolden() throws IOException {
    try (InputStream in = EnvelopeCodecTest.class.getResourceAsStream(GOLDEN)) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      return HexFormat.of().parseHex(text.replaceAll("\\s", ""));
    }
  }

  @Provide
  Arbitrary<Envelope> envelopes() {
    Arbitrary<String> strings = Arbitraries.strings().ofMaxLength(40);
    Arbitrary<byte[]> payloads =
        Arbitraries.bytes().array(byte[].class).ofMinSize(0).ofMaxSize(300);
    Arbitrary<Actor> actors =
        Combinators.combine(Arbitraries.of(Actor.Kind.values()), Arbitraries.integers(), strings)
            .as((kind, number, program) -> new Actor(kind, number, -number, number / 2, program));
    Arbitrary<Integer> shorts = Arbitraries.integers().between(0, 65_535);
    return Combinators.combine(
            strings, strings, actors, Arbitraries.longs(), shorts, payloads, shorts)
        .as(
            (namespace, subject, actor, number, type, payload, cut) ->
                new EnvelopeHash()
                    .seal(
                        new EnvelopeDraft(
                            legal(namespace),
                            legal(subject),
                            new Actor(
                                actor.kind(),
                                actor.pid(),
                                actor.uid(),
                                actor.gid(),
                                legal(actor.executable())),
                            "r",
                            number,
                            type,
                            1,
                            payload,
                            spans(payload.length, cut)),
                        number,
                        "boot",
                        number * 31,
                        -number,
                        new byte[32],
                        new byte[Secrets.SALT_BYTES]));
  }

  private static String legal(String text) {
    return StandardCharsets.UTF_8.newEncoder().canEncode(text) ? text : "x" + text.length();
  }

  private static List<Secrets.Span> spans(int length, int cut) {
    List<Secrets.Span> spans = new ArrayList<>();
    int step = 1 + cut % 50;
    for (int at = cut % 20; at + step <= length && spans.size() < cut % 4; at += 2 * step) {
      spans.add(new Secrets.Span(at, step));
    }
    return spans;
  }
}
