package dev.retainerd.runtime.ctl.command;

import com.google.protobuf.Timestamp;
import dev.retainerd.store.words.Phrases;
import java.time.Duration;
import java.time.Instant;

/** Points in time and lengths of it, as requests carry them and as people read them. */
public final class Times {

  private Times() {}

  public static Instant instant(Timestamp stamp) {
    return Instant.ofEpochSecond(stamp.getSeconds(), stamp.getNanos());
  }

  /** RFC 3339 in UTC. */
  public static String rfc3339(Timestamp stamp) {
    return instant(stamp).toString();
  }

  public static String rfc3339(long epochNanos) {
    return ofNanos(epochNanos).toString();
  }

  public static Instant ofNanos(long epochNanos) {
    return Instant.ofEpochSecond(
        Math.floorDiv(epochNanos, 1_000_000_000L), Math.floorMod(epochNanos, 1_000_000_000L));
  }

  /** How long ago that was, as crictl says it; {@code n/a} for a time that is not set. */
  public static String ago(long epochNanos) {
    if (epochNanos <= 0) {
      return "n/a";
    }
    long nanos = Duration.between(ofNanos(epochNanos), Instant.now()).toNanos();
    return Phrases.duration(Math.max(0, nanos)) + " ago";
  }

  /**
   * A length of time such as {@code 10s}, {@code 1h30m}, {@code 500ms}; a bare number counts
   * seconds.
   *
   * @throws CommandFailure where it is none
   */
  public static long millis(String text) {
    var matcher = java.util.regex.Pattern.compile("(\\d+(?:\\.\\d+)?)(ms|h|m|s|d|)").matcher(text);
    double sum = 0;
    int at = 0;
    while (at < text.length() && matcher.find(at) && matcher.start() == at) {
      double value = Double.parseDouble(matcher.group(1));
      sum +=
          value
              * switch (matcher.group(2)) {
                case "ms" -> 1;
                case "m" -> 60_000;
                case "h" -> 3_600_000;
                case "d" -> 86_400_000;
                default -> 1_000;
              };
      at = matcher.end();
    }
    if (text.isEmpty() || at != text.length()) {
      throw CommandFailure.usage(
          "\"" + text + "\" is no length of time: write it as 500ms, 10s, 5m or 1h30m");
    }
    return (long) sum;
  }
}
