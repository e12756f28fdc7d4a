package dev.retainerd.eventlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.SecretSpans;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.eventlog.files.RecordScanner;
import dev.retainerd.eventlog.files.RecordSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Bytes that are almost an envelope, a payload or a file of records, from a seed that a failure
 * names: whoever reads them gives what they say or one of the exceptions it names, soon, and takes
 * no more memory than they have.
 */
class CodecFuzzTest {
  private static final Duration ONE_INPUT = Duration.ofSeconds(2);

  @Test
  void envelopesPayloadsAndRecords() throws IOException {
    run(1, 20_000);
  }

  @Test
  @Tag("soak")
  void manyMore() throws IOException {
    for (long seed = 100; seed < 140; seed++) {
      run(seed, 100_000);
    }
  }

  private static void run(long seed, int inputs) throws IOException {
    Random random = new Random(seed);
    List<byte[]> payloads = new ArrayList<>();
    List<byte[]> envelopes = new ArrayList<>();
    for (EventType type : EventType.values()) {
      Message message = filled(prototype(type).newBuilderForType(), random, 0);
      payloads.add(message.toByteArray());
      envelopes.add(envelope(type, message, random));
    }
    for (int i = 0; i < inputs; i++) {
      String what = "seed " + seed + ", input " + i;
      long begun = System.nanoTime();
      try {
        switch (i % 8) {
          case 0, 1, 2 -> envelope(mutated(envelopes, random), random);
          case 7 -> records(envelopes, random);
          default -> payload(mutated(payloads, random), random);
        }
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what, e);
      }
      assertTrue(System.nanoTime() - begun < ONE_INPUT.toNanos(), what + " took too long");
    }
  }

  private static void envelope(byte[] bytes, Random random) {
    if (random.nextBoolean() && bytes.length >= EnvelopeCodec.HEADER_BYTES) {
      // A right CRC takes it behind the first door.
      EnvelopeCodec.putCrc(bytes);
    }
    try {
      Envelope decoded = EnvelopeCodec.decode(bytes);
      assertEquals(bytes.length, EnvelopeCodec.encode(decoded).length);
      EnvelopeHash hasher = new EnvelopeHash();
      if (hasher.holds(decoded)) {
        assertTrue(hasher.holds(hasher.redact(decoded)));
      }
      payload(decoded.payload(), random);
    } catch (DamagedEnvelopeException | NewerFormatException named) {
      assertTrue(!named.getMessage().isEmpty());
    }
  }

  private static void payload(byte[] bytes, Random random) {
    EventType[] types = EventType.values();
    try {
      Event event = decoded(types[random.nextInt(types.length)], bytes);
      byte[] again = event.payload().toByteArray();
      List<Secrets.Span> secrets = SecretSpans.of(event.payload(), again);
      for (Secrets.Span span : secrets) {
        assertTrue(span.offset() >= 0 && span.offset() + span.length() <= again.length);
      }
      assertTrue(event.subject() != null);
    } catch (UnreadableEventException named) {
      assertTrue(named.getMessage().contains("cannot be decoded"));
    }
  }

  /** A file of records of which some are damaged is walked through to its end. */
  private static void records(List<byte[]> envelopes, Random random) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = random.nextInt(6); i >= 0; i--) {
      byte[] bytes = envelopes.get(random.nextInt(envelopes.size()));
      int padded = (bytes.length + 3) & ~3;
      ByteBuffer record = ByteBuffer.allocate(4 + padded).order(ByteOrder.LITTLE_ENDIAN);
      out.writeBytes(record.putInt(bytes.length).put(bytes).array());
    }
    byte[] file = mutated(List.of(out.toByteArray()), random);
    RecordScanner scanner = new RecordScanner(new Bytes(file), 0, Long.MAX_VALUE);
    long position = -1;
    for (int steps = 0; ; steps++) {
      assertTrue(steps <= file.length + 2, "it does not come to an end");
      RecordScanner.Found found = scanner.next(true);
      if (found instanceof RecordScanner.End) {
        return;
      }
      assertTrue(scanner.position() >= position, "it goes back");
      position = scanner.position();
    }
  }

  private record Bytes(byte[] all) implements RecordSource {
    @Override
    public int read(ByteBuffer into, long position) {
      if (position >= all.length) {
        return -1;
      }
      int length = (int) Math.min(into.remaining(), all.length - position);
      into.put(all, (int) position, length);
      return length;
    }

    @Override
    public long size() {
      return all.length;
    }

    @Override
    public void close() {}
  }

  private static byte[] envelope(EventType type, Message message, Random random) {
    byte[] payload = message.toByteArray();
    EnvelopeDraft draft =
        new EnvelopeDraft(
            "k8s.io",
            "container/c",
            Actor.daemon(),
            "request",
            0,
            type.number(),
            type.schemaVersion(),
            payload,
            SecretSpans.of(message, payload));
    byte[] salt = new byte[draft.secrets().isEmpty() ? 0 : Secrets.SALT_BYTES];
    random.nextBytes(salt);
    return new EnvelopeHash()
        .sealEncoded(draft, 7, 3, "boot", 5, 6, new byte[Envelope.HASH_BYTES], salt)
        .bytes();
  }

  private static Event decoded(EventType type, byte[] payload) {
    return type.decode(type.schemaVersion(), payload);
  }

  private static Message prototype(EventType type) {
    return (Message) decoded(type, new byte[0]).payload();
  }

  /** A message with something in every field. */
  private static Message filled(Message.Builder builder, Random random, int depth) {
    for (FieldDescriptor field : builder.getDescriptorForType().getFields()) {
      if (field.isRepeated()) {
        for (int i = random.nextInt(3); i >= 0 && depth < 4; i--) {
          builder.addRepeatedField(field, value(builder, field, random, depth));
        }
      } else if (depth < 6) {
        builder.setField(field, value(builder, field, random, depth));
      }
    }
    return builder.build();
  }

  private static Object value(
      Message.Builder builder, FieldDescriptor field, Random random, int depth) {
    byte[] some = new byte[random.nextInt(20)];
    Arrays.fill(some, (byte) ('a' + random.nextInt(26)));
    return switch (field.getJavaType()) {
      case INT -> random.nextInt();
      case LONG -> random.nextLong();
      case FLOAT -> random.nextFloat();
      case DOUBLE -> random.nextDouble();
      case BOOLEAN -> random.nextBoolean();
      case STRING -> new String(some, java.nio.charset.StandardCharsets.US_ASCII);
      case BYTE_STRING -> ByteString.copyFrom(some);
      case ENUM -> field.getEnumType().getValues().getLast();
      case MESSAGE -> filled(builder.newBuilderForField(field), random, depth + 1);
    };
  }

  private static byte[] mutated(List<byte[]> corpus, Random random) {
    byte[] bytes = corpus.get(random.nextInt(corpus.size())).clone();
    for (int i = random.nextInt(4); i >= 0; i--) {
      bytes = mutatedOnce(bytes, corpus, random);
    }
    return bytes;
  }

  private static byte[] mutatedOnce(byte[] bytes, List<byte[]> corpus, Random random) {
    if (bytes.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    int at = random.nextInt(bytes.length);
    switch (random.nextInt(6)) {
      case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> bytes[at] = (byte) random.nextInt();
      case 2 -> {
        // A length, or a number, as large as can be.
        for (int i = at; i < Math.min(bytes.length, at + 5); i++) {
          bytes[i] = (byte) (i < at + 4 ? 0xff : 0x7f);
        }
      }
      case 3 -> {
        return Arrays.copyOf(bytes, random.nextInt(bytes.length + 8));
      }
      case 4 -> {
        byte[] other = corpus.get(random.nextInt(corpus.size()));
        int length = Math.min(random.nextInt(other.length + 1), bytes.length - at);
        System.arraycopy(other, 0, bytes, at, length);
      }
      default -> {
        byte[] without = Arrays.copyOf(bytes, bytes.length - 1);
        System.arraycopy(bytes, at + 1, without, at, bytes.length - at - 1);
        return without;
      }
    }
    return bytes;
  }
}
