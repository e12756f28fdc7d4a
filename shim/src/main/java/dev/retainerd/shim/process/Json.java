package dev.retainerd.shim.process;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON into maps, lists, strings, numbers (as text), booleans and null. Small on purpose: the
 * shim reads a few fields of config.json and of the runtime's log. Not thread-safe.
 */
public final class Json {
  private static final int DEPTH_MAX = 200;

  private final String text;
  private int at;
  private int depth;

  private Json(String text) {
    this.text = text;
  }

  /**
   * The value of a whole text.
   *
   * @throws IllegalArgumentException when it is no JSON
   */
  public static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value();
    json.space();
    if (json.at != text.length()) {
      throw json.fault();
    }
    return value;
  }

  /** A member of a member of ... an object; null where any of them is missing. */
  public static Object get(Object root, String... names) {
    Object value = root;
    for (String name : names) {
      if (!(value instanceof Map<?, ?> map)) {
        return null;
      }
      value = map.get(name);
    }
    return value;
  }

  private Object value() {
    space();
    if (at >= text.length() || ++depth > DEPTH_MAX) {
      throw fault();
    }
    Object value =
        switch (text.charAt(at)) {
          case '{' -> object();
          case '[' -> array();
          case '"' -> string();
          case 't' -> word("true", Boolean.TRUE);
          case 'f' -> word("false", Boolean.FALSE);
          case 'n' -> word("null", null);
          default -> number();
        };
    depth--;
    return value;
  }

  private Map<String, Object> object() {
    Map<String, Object> members = new LinkedHashMap<>();
    at++;
    space();
    while (!next('}')) {
      if (!members.isEmpty()) {
        expect(',');
        space();
      }
      String name = string();
      space();
      expect(':');
      members.put(name, value());
      space();
    }
    return members;
  }

  private List<Object> array() {
    List<Object> items = new ArrayList<>();
    at++;
    space();
    while (!next(']')) {
      if (!items.isEmpty()) {
        expect(',');
      }
      items.add(value());
      space();
    }
    return items;
  }

  private String string() {
    expect('"');
    StringBuilder result = new StringBuilder();
    while (at < text.length()) {
      char one = text.charAt(at++);
      if (one == '"') {
        return result.toString();
      }
      result.append(one == '\\' ? escape() : one);
    }
    throw fault();
  }

  private char escape() {
    if (at >= text.length()) {
      throw fault();
    }
    char one = text.charAt(at++);
    return switch (one) {
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'r' -> '\r';
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'u' -> {
        if (at + 4 > text.length()) {
          throw fault();
        }
        at += 4;
        yield (char) Integer.parseInt(text.substring(at - 4, at), 16);
      }
      default -> one;
    };
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) {
      throw fault();
    }
    at += word.length();
    return value;
  }

  private String number() {
    int start = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    if (at == start) {
      throw fault();
    }
    return text.substring(start, at);
  }

  private boolean next(char wanted) {
    if (at < text.length() && text.charAt(at) == wanted) {
      at++;
      return true;
    }
    if (at >= text.length()) {
      throw fault();
    }
    return false;
  }

  private void expect(char wanted) {
    if (at >= text.length() || text.charAt(at) != wanted) {
      throw fault();
    }
    at++;
  }

  private void space() {
    while (at < text.length() && text.charAt(at) <= ' ') {
      at++;
    }
  }

  private IllegalArgumentException fault() {
    return new IllegalArgumentException("no JSON at character " + at);
  }
}
