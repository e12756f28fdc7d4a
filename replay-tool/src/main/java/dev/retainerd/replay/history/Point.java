package dev.retainerd.replay.history;

import dev.retainerd.store.words.Told;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A point in a history: a sequence, or a wall time. Immutable. */
public sealed interface Point {

  /** Behind this event. */
  record Sequence(long sequence) implements Point {}

  /** At this moment. */
  record Moment(Instant time) implements Point {
    /** Nanoseconds since the epoch; what no event can carry is before or behind all of them. */
    public long nanos() {
      try {
        return Math.addExact(
            Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
      } catch (ArithmeticException e) {
        return time.getEpochSecond() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
      }
    }
  }

  /** Whether the event still lies at or before the point. */
  default boolean covers(Told told) {
    return switch (this) {
      case Sequence s -> told.sequence() <= s.sequence();
      case Moment m -> !told.time().isAfter(m.time());
    };
  }

  /** {@code event 812}, or the time. */
  default String words() {
    return switch (this) {
      case Sequence s -> "event " + s.sequence();
      case Moment m -> m.time().toString();
    };
  }

  /**
   * Reads {@code 812}, an RFC 3339 time, a time of {@code zone} such as {@code 2026-11-23 22:00},
   * {@code now}, {@code end}, or how long ago, such as {@code 10m} or {@code -1h30m}.
   *
   * @throws LookFailure where it is none of them
   */
  static Point parse(String text, Instant now, ZoneId zone) {
    String t = text.strip();
    if (t.equals("end")) {
      return new Sequence(Long.MAX_VALUE);
    }
    if (t.equals("now")) {
      return new Moment(now);
    }
    if (t.matches("\\d{1,18}")) {
      return new Sequence(Long.parseLong(t));
    }
    String length = t.replaceFirst("^-", "").replaceFirst("\\s+ago$", "");
    if (length.matches("(\\d+(d|h|m|s|ms))+")) {
      return new Moment(now.minus(length(length)));
    }
    try {
      return new Moment(OffsetDateTime.parse(t.replaceFirst(" ", "T")).toInstant());
    } catch (DateTimeException notWithZone) {
      try {
        return new Moment(LocalDateTime.parse(t.replaceFirst(" ", "T")).atZone(zone).toInstant());
      } catch (DateTimeException neither) {
        throw new LookFailure(
            "\""
                + text
                + "\" is neither a sequence nor a time: write 812, 2026-11-23T22:00:00Z or 10m"
                + " (ago)",
            neither);
      }
    }
  }

  private static Duration length(String text) {
    Duration sum = Duration.ZERO;
    Matcher parts = Pattern.compile("(\\d+)(ms|d|h|m|s)").matcher(text);
    while (parts.find()) {
      long count = Long.parseLong(parts.group(1));
      sum =
          sum.plus(
              switch (parts.group(2)) {
                case "d" -> Duration.ofDays(count);
                case "h" -> Duration.ofHours(count);
                case "m" -> Duration.ofMinutes(count);
                case "ms" -> Duration.ofMillis(count);
                default -> Duration.ofSeconds(count);
              });
    }
    return sum;
  }
}
