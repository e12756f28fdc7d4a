package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Typed access to the merged settings with their defaults; a value out of its range becomes a
 * problem with its place, and the default stands in, so that all problems are found in one go.
 */
final class SettingValues {
  private static final Pattern DURATION = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|µs|ms|s|m|h)");
  private static final Map<String, Long> NANOS =
      Map.of(
          "ns", 1L,
          "us", 1_000L,
          "µs", 1_000L,
          "ms", 1_000_000L,
          "s", 1_000_000_000L,
          "m", 60_000_000_000L,
          "h", 3_600_000_000_000L);

  private final Settings settings;
  private final List<Problem> problems;
  private final Map<Key, Object> defaults = new HashMap<>();

  SettingValues(KeyTable table, Settings settings, List<Problem> problems) {
    this.settings = settings;
    this.problems = problems;
    for (KnownKey key : table.honoured()) {
      defaultOf(key).ifPresent(value -> defaults.put(key.pattern(), value));
    }
  }

  /** The default of a line of the table, where it has one. */
  static Optional<Object> defaultOf(KnownKey key) {
    String literal = ((KnownKey.Honour) key.verdict()).defaultLiteral();
    return literal.equals("-") ? Optional.empty() : Optional.of(plain(literal));
  }

  /**
   * A TOML value of the table: a string without escapes, an integer, a boolean or an array of such
   * strings. The TOML parser itself would cost a daemon's start some milliseconds per value.
   */
  private static Object plain(String literal) {
    return switch (literal.charAt(0)) {
      case '"' -> literal.substring(1, literal.length() - 1);
      case 't', 'f' -> Boolean.valueOf(literal);
      case '[' ->
          literal.equals("[]")
              ? List.of()
              : Arrays.stream(literal.substring(1, literal.length() - 1).split(", "))
                  .map(SettingValues::plain)
                  .toList();
      default -> Long.valueOf(literal);
    };
  }

  Settings settings() {
    return settings;
  }

  /** A string; an empty one in a file means the default, as it does to containerd. */
  String text(Key key, Key pattern) {
    Object standard = defaults.getOrDefault(pattern, "");
    return settings
        .winner(key)
        .map(place -> (String) place.value())
        .filter(value -> !value.isEmpty())
        .orElse((String) standard);
  }

  String text(Key key) {
    return text(key, key);
  }

  String oneOf(Key key, Set<String> allowed) {
    String value = text(key);
    if (!allowed.contains(value)) {
      String choices =
          String.join(", ", allowed.stream().sorted().map(s -> '"' + s + '"').toList());
      problem(key, "%s takes one of %s, not \"%s\"", key, choices, value);
      return (String) defaults.getOrDefault(key, "");
    }
    return value;
  }

  long integer(Key key, Key pattern, long least, long most) {
    long standard = (Long) defaults.getOrDefault(pattern, 0L);
    long value = settings.winner(key).map(place -> (Long) place.value()).orElse(standard);
    if (value < least || value > most) {
      problem(key, "%s takes %d to %d, not %d", key, least, most, value);
      return standard;
    }
    return value;
  }

  long integer(Key key, long least, long most) {
    return integer(key, key, least, most);
  }

  boolean flag(Key key, Key pattern) {
    boolean standard = (Boolean) defaults.getOrDefault(pattern, false);
    return settings.winner(key).map(place -> (Boolean) place.value()).orElse(standard);
  }

  boolean flag(Key key) {
    return flag(key, key);
  }

  List<String> texts(Key key, Key pattern) {
    Object standard = defaults.getOrDefault(pattern, List.of());
    Object value = settings.winner(key).map(Settings.Occurrence::value).orElse(standard);
    List<?> list = value instanceof String one ? List.of(one) : (List<?>) value;
    return list.stream().map(String.class::cast).toList();
  }

  /** An absolute path without "..". */
  Path path(Key key) {
    return checked(key, text(key));
  }

  /** The same, none where it is empty. */
  Optional<Path> optionalPath(Key key) {
    String text = text(key, key);
    return text.isEmpty() ? Optional.empty() : Optional.of(checked(key, text));
  }

  Path checked(Key key, String text) {
    if (text.indexOf('\0') >= 0) {
      problem(key, "%s holds a zero byte; write a plain absolute path", key);
      return Path.of("/nonexistent");
    }
    Path path = Path.of(text);
    if (!path.isAbsolute()) {
      problem(key, "%s takes an absolute path, not \"%s\"", key, text);
    } else if (!path.equals(path.normalize())) {
      problem(key, "%s takes a path without \".\" and \"..\", not \"%s\"", key, text);
    }
    return path;
  }

  /** A duration as Go writes it: {@code 1h30m}, {@code 100ms}, {@code 0}. */
  Duration duration(Key key) {
    String text = text(key);
    Optional<Duration> duration = parseDuration(text);
    if (duration.isEmpty()) {
      problem(key, "%s takes a duration such as \"4h0m0s\" or \"500ms\", not \"%s\"", key, text);
    }
    return duration.orElse(Duration.ZERO);
  }

  static Optional<Duration> parseDuration(String text) {
    if (text.equals("0")) {
      return Optional.of(Duration.ZERO);
    }
    Matcher part = DURATION.matcher(text);
    double nanos = 0;
    int end = 0;
    while (part.find() && part.start() == end) {
      nanos += Double.parseDouble(part.group(1)) * NANOS.get(part.group(2));
      end = part.end();
    }
    boolean whole = end == text.length() && end > 0 && nanos < Long.MAX_VALUE;
    return whole ? Optional.of(Duration.ofNanos((long) nanos)) : Optional.empty();
  }

  /** Records a problem at the place that sets the key, or at none where its default is at fault. */
  void problem(Key key, String sentence, Object... args) {
    Optional<Settings.Occurrence> place = settings.winner(key);
    Path file = place.map(Settings.Occurrence::file).orElse(Path.of("default"));
    int line = place.map(Settings.Occurrence::line).orElse(0);
    problems.add(new Problem(file, line, sentence.formatted(args)));
  }

  void warn(Key key, String sentence, Object... args) {
    Optional<Settings.Occurrence> place = settings.winner(key);
    Path file = place.map(Settings.Occurrence::file).orElse(Path.of("default"));
    int line = place.map(Settings.Occurrence::line).orElse(0);
    settings.warn(new Problem(file, line, sentence.formatted(args)));
  }
}
