package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.Timestamp;
import dev.retainerd.eventlog.proto.Opaque;

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
