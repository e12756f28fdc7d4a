package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import java.util.Optional;

/** Values that several services carry, between the wire's form and that of our records. */
final class Translation {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private Translation() {}

  static Timestamp timestamp(long nanos) {
    return Timestamp.newBuilder()
        .setSeconds(Math.floorDiv(nanos, NANOS_PER_SECOND))
        .setNanos((int) Math.floorMod(nanos, NANOS_PER_SECOND))
        .build();
  }

  /** Nanoseconds since the epoch. */
  static long nanos(Timestamp timestamp) {
    return timestamp.getSeconds() * NANOS_PER_SECOND + timestamp.getNanos();
  }

  /** Now, in nanoseconds since the epoch. */
  static long nowNanos() {
    var now = java.time.Instant.now();
    return now.getEpochSecond() * NANOS_PER_SECOND + now.getNano();
  }

  static Any any(Opaque opaque) {
    return Any.newBuilder().setTypeUrl(opaque.getTypeUrl()).setValue(opaque.getValue()).build();
  }

  /** As {@link #unpacked(Any, Message, String)}, for a value that a request carries. */
  static <M extends Message> Optional<M> unpacked(Any any, M kind) {
    String type = kind.getDescriptorForType().getFullName();
    return unpacked(any, kind, "the value of type " + type + " cannot be decoded");
  }

  /**
   * The message in a typed value, whatever host stands before its type's name; empty where it is of
   * another type.
   *
   * @param otherwise what the client is told where its bytes are no such message
   * @throws Refusal invalid argument, with that
   */
  static <M extends Message> Optional<M> unpacked(Any any, M kind, String otherwise) {
    String type = any.getTypeUrl().substring(any.getTypeUrl().lastIndexOf('/') + 1);
    if (!type.equals(kind.getDescriptorForType().getFullName())) {
      return Optional.empty();
    }
    try {
      @SuppressWarnings("unchecked")
      M message = (M) kind.getParserForType().parseFrom(any.getValue());
      return Optional.of(message);
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.invalidArgument(otherwise).because(e);
    }
  }

  static Opaque opaque(Any any) {
    return Opaque.newBuilder().setTypeUrl(any.getTypeUrl()).setValue(any.getValue()).build();
  }

  /** A message as Go's typeurl packs it: the type's plain name, without a host before it. */
  static Any packed(com.google.protobuf.Message message) {
    return Any.newBuilder()
        .setTypeUrl(message.getDescriptorForType().getFullName())
        .setValue(message.toByteString())
        .build();
  }
}
