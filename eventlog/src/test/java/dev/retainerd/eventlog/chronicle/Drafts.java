package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Events for tests, whose payload tells their number. */
final class Drafts {
  private Drafts() {}

  static EnvelopeDraft numbered(long number, int payloadBytes) {
    byte[] payload = new byte[payloadBytes];
    Arrays.fill(payload, (byte) number);
    return new EnvelopeDraft(
        "k8s.io",
        "container/c" + number,
        new Actor(Actor.Kind.CLIENT, 4711, 0, 0, "/usr/bin/ctr"),
        "request-" + number,
        0,
        41,
        1,
        payload);
  }

  static List<EnvelopeDraft> batch(long first, int count, int payloadBytes) {
    return IntStream.range(0, count).mapToObj(i -> numbered(first + i, payloadBytes)).toList();
  }
}
