package dev.retainerd.runtime.filter;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * The escapes of Go's interpreted string literals, with another quote character where the grammar
 * allows one.
 */
final class GoQuotes {
  private static final Map<Character, Character> SINGLE =
      Map.of(
          'a', '\u0007', 'b', '\b', 'f', '\f', 'n', '\n', 'r', '\r', 't', '\t', 'v', '\u000b', '\\',
          '\\');

  /** How many hexadecimal digits follow x, u and U. */
  private static final Map<Character, Integer> HEX_DIGITS = Map.of('x', 2, 'u', 4, 'U', 8);

  private GoQuotes() {}

  /** What the text between two quotes stands for; empty if an escape is wrong. */
  static Optional<String> unescape(String text, char quote) {
    if (text.indexOf('\\') < 0) {
      return text.indexOf('\n') < 0 ? Optional.of(text) : Optional.empty();
    }
    // \x and octal escapes are bytes, which together may be one character.
    var bytes = new ByteArrayOutputStream();
    int at = 0;
    while (at < text.length()) {
      if (text.charAt(at) != '\\') {
        int character = text.codePointAt(at);
        append(bytes, character);
        at += Character.charCount(character);
        continue;
      }
      int length = escape(text, at + 1, quote, bytes);
      if (length == 0) {
        return Optional.empty();
      }
      at += 1 + length;
    }
    return Optional.of(bytes.toString(StandardCharsets.UTF_8));
  }

  /**
   * Appends what the escape after the backslash means; returns its length, 0 if there is no such
   * escape.
   */
  private static int escape(String text, int at, char quote, ByteArrayOutputStream bytes) {
    if (at >= text.length()) {
      return 0;
    }
    char c = text.charAt(at);
    if (c == quote) {
      append(bytes, c);
      return 1;
    }
    if (SINGLE.containsKey(c)) {
      append(bytes, SINGLE.get(c));
      return 1;
    }
    if (c >= '0' && c <= '7') {
      int value = number(text, at, 3, 8);
      if (value < 0 || value > 255) {
        return 0;
      }
      bytes.write(value);
      return 3;
    }
    Integer digits = HEX_DIGITS.get(c);
    int value = digits == null ? -1 : number(text, at + 1, digits, 16);
    if (value < 0 || value > Character.MAX_CODE_POINT) {
      return 0;
    }
    if (c == 'x') {
      bytes.write(value);
    } else {
      append(bytes, value);
    }
    return 1 + digits;
  }

  private static int number(String text, int at, int digits, int radix) {
    if (at + digits > text.length()) {
      return -1;
    }
    long value = 0;
    for (int i = at; i < at + digits; i++) {
      int digit = Character.digit(text.charAt(i), radix);
      if (digit < 0) {
        return -1;
      }
      value = value * radix + digit;
    }
    return value > Character.MAX_CODE_POINT ? -1 : (int) value;
  }

  private static void append(ByteArrayOutputStream bytes, int character) {
    bytes.writeBytes(Character.toString(character).getBytes(StandardCharsets.UTF_8));
  }
}
