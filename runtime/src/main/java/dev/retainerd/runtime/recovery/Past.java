package dev.retainerd.runtime.recovery;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.store.words.EventWords;
import dev.retainerd.store.words.Told;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the log still tells of pods and containers that the state has forgotten. Reads the whole
 * log, so it is asked for all ids at once, and only where there are any.
 */
public final class Past {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  /**
   * The last event about something.
   *
   * @param sentence the event in words
   */
  public record LastEvent(long sequence, String sentence) {}

  private Past() {}

  /** The last event about each of these ids that the log tells of. */
  static Map<String, LastEvent> of(EventLog log, Set<String> ids) {
    Map<String, LastEvent> found = new HashMap<>();
    long end = log.durableSequence();
    if (ids.isEmpty() || end == 0) {
      return found;
    }
    try (LogReader reader = log.reader(1)) {
      while (reader.nextSequence() <= end) {
        next(reader)
            .ifPresent(
                envelope -> {
                  for (String part : envelope.subject().split("/", -1)) {
                    if (ids.contains(part)) {
                      found.put(part, new LastEvent(envelope.sequence(), words(envelope)));
                    }
                  }
                });
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return found;
  }

  private static Optional<Envelope> next(LogReader reader) throws InterruptedException {
    try {
      return reader.poll(PATIENCE);
    } catch (EventLogException lost) {
      // Reported when the log was opened; what lies behind it still tells.
      return Optional.empty();
    }
  }

  private static String words(Envelope envelope) {
    try {
      return EventWords.sentence(Told.of(envelope).event());
    } catch (RuntimeException unknown) {
      return "event of type " + envelope.type();
    }
  }
}
