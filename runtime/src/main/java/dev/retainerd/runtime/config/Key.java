package dev.retainerd.runtime.config;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A dotted TOML key as its segments, each unquoted.
 *
 * <p>Immutable.
 */
public record Key(List<String> segments) {
  private static final Pattern BARE = Pattern.compile("[A-Za-z0-9_*-]+");

  public Key {
    segments = List.copyOf(segments);
  }

  /** Reads {@code a."b.c".d}; quotes may be double only. */
  public static Key parse(String text) {
    List<String> segments = new ArrayList<>();
    int at = 0;
    while (at <= text.length()) {
      boolean quoted = at < text.length() && text.charAt(at) == '"';
      int end = text.indexOf(quoted ? '"' : '.', quoted ? at + 1 : at);
      if (quoted && end < 0) {
        throw new IllegalArgumentException("key without closing quote: " + text);
      }
      segments.add(text.substring(quoted ? at + 1 : at, end < 0 ? text.length() : end));
      at = end < 0 ? text.length() + 1 : end + (quoted ? 2 : 1);
    }
    return new Key(segments);
  }

  public static Key of(String... segments) {
    return new Key(List.of(segments));
  }

  public Key child(String segment) {
    List<String> longer = new ArrayList<>(segments);
    longer.add(segment);
    return new Key(longer);
  }

  public String last() {
    return segments.getLast();
  }

  /** All but the last segment. */
  public Key parent() {
    return new Key(segments.subList(0, segments.size() - 1));
  }

  public boolean startsWith(Key prefix) {
    return segments.size() >= prefix.segments.size()
        && segments.subList(0, prefix.segments.size()).equals(prefix.segments);
  }

  /** As it is written in TOML, with quotes where a segment needs them. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (String segment : segments) {
      if (!text.isEmpty()) {
        text.append('.');
      }
      text.append(BARE.matcher(segment).matches() ? segment : '"' + segment + '"');
    }
    return text.toString();
  }
}
