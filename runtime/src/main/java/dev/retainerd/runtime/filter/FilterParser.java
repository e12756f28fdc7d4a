package dev.retainerd.runtime.filter;

import dev.retainerd.runtime.error.Refusal;
import java.util.ArrayList;
import java.util.List;

/** Reads one filter from left to right; see {@link Filter} for the grammar. */
final class FilterParser {
  private static final int MAX_LENGTH = 16 * 1024;
  private static final char END = '\0';

  private final String input;
  private int at;

  FilterParser(String input) {
    if (input.length() > MAX_LENGTH) {
      throw Refusal.invalidArgument(
          "a filter of %d characters is too long, %d are allowed"
              .formatted(input.length(), MAX_LENGTH));
    }
    if (input.indexOf(END) >= 0) {
      throw Refusal.invalidArgument("a filter may not hold a NUL character");
    }
    this.input = input;
  }

  Filter parse() {
    if (input.isEmpty()) {
      return new Filter.All(List.of());
    }
    List<Filter> selectors = new ArrayList<>();
    selectors.add(selector());
    while (peek() == ',') {
      at++;
      selectors.add(selector());
    }
    if (peek() != END) {
      throw fault("expected a comma or the end");
    }
    return selectors.size() == 1 ? selectors.getFirst() : new Filter.All(List.copyOf(selectors));
  }

  private Filter selector() {
    List<String> path = path();
    char next = peek();
    if (next == ',' || next == END) {
      return new Filter.Present(path);
    }
    String operator = operator();
    return switch (operator) {
      case "==" -> new Filter.Equal(path, value("\""));
      case "!=" -> new Filter.Unequal(path, value("\""));
      case "~=" -> new Filter.Found(path, BoundedPattern.of(value("\"/|")));
      default -> throw fault("expected one of ==, != and ~=, not \"" + operator + "\"");
    };
  }

  private List<String> path() {
    List<String> fields = new ArrayList<>();
    fields.add(field());
    while (peek() == '.') {
      at++;
      fields.add(field());
    }
    return List.copyOf(fields);
  }

  private String field() {
    if (peek() == '"') {
      return quoted();
    }
    int start = at;
    while (at < input.length() && isFieldCharacter(input.charAt(at))) {
      at++;
    }
    if (at == start) {
      throw fault("expected a field's name, bare or in double quotes");
    }
    return input.substring(start, at);
  }

  private static boolean isFieldCharacter(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  private String operator() {
    int start = at;
    while (at < input.length() && "=!~".indexOf(input.charAt(at)) >= 0) {
      at++;
    }
    return input.substring(start, at);
  }

  private String value(String quotes) {
    char next = peek();
    if (next != END && quotes.indexOf(next) >= 0) {
      return quoted();
    }
    int start = at;
    while (at < input.length()
        && input.charAt(at) != ','
        && !Character.isWhitespace(input.charAt(at))) {
      at++;
    }
    if (at == start) {
      throw fault("expected a value");
    }
    return input.substring(start, at);
  }

  private String quoted() {
    char quote = input.charAt(at);
    int start = at + 1;
    int end = start;
    while (end < input.length() && input.charAt(end) != quote) {
      end += input.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= input.length()) {
      throw fault("the quote is not closed");
    }
    String unquoted =
        GoQuotes.unescape(input.substring(start, end), quote)
            .orElseThrow(() -> fault("the quoted text holds an escape that is none of Go's"));
    at = end + 1;
    return unquoted;
  }

  /** The next character that is no space; the position moves there. */
  private char peek() {
    while (at < input.length() && Character.isWhitespace(input.charAt(at))) {
      at++;
    }
    return at < input.length() ? input.charAt(at) : END;
  }

  private Refusal fault(String what) {
    return Refusal.invalidArgument(
        "the filter \"%s\" is not valid at character %d: %s".formatted(input, at + 1, what));
  }
}
