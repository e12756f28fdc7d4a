package dev.retainerd.store.words;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.NewerFormatException;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.UnreadableEventException;
import java.time.Instant;

/**
 * An event with what its envelope says of it, decoded. Immutable.
 *
 * @param type its kind
 */
public record Told(Envelope envelope, EventType type, Event event) {

  /**
   * Decodes an envelope's payload.
   *
   * @throws UnreadableEventException where this version does not know the event, or its payload is
   *     damaged
   */
  public static Told of(Envelope envelope) {
    try {
      EventType type = EventType.of(envelope);
      return new Told(envelope, type, type.decode(envelope.schemaVersion(), envelope.payload()));
    } catch (NewerFormatException e) {
      throw new UnreadableEventException(e.getMessage(), e);
    }
  }

  public long sequence() {
    return envelope.sequence();
  }

  /** Its wall time. */
  public Instant time() {
    return instant(envelope.wallNanos());
  }

  static Instant instant(long epochNanos) {
    return Instant.ofEpochSecond(
        Math.floorDiv(epochNanos, 1_000_000_000L), Math.floorMod(epochNanos, 1_000_000_000L));
  }

  public String sentence() {
    return EventWords.sentence(event);
  }

  /** Who did it: {@code ctr (pid 812, uid 0)}, {@code the daemon}. */
  public String by() {
    Actor actor = envelope.actor();
    return switch (actor.kind()) {
      case CLIENT -> client(actor);
      case DAEMON -> "the daemon";
      case RECOVERY -> "the daemon's recovery";
      case SHIM -> "a shim";
    };
  }

  private static String client(Actor actor) {
    String executable = actor.executable();
    String name = executable.substring(executable.lastIndexOf('/') + 1);
    return (name.isEmpty() ? "a client" : name)
        + " (pid "
        + actor.pid()
        + ", uid "
        + actor.uid()
        + (executable.isEmpty() ? "" : ", " + executable)
        + ")";
  }
}
