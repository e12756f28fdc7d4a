package dev.retainerd.runtime.config;

import java.util.List;
import org.tomlj.TomlArray;
import org.tomlj.TomlTable;

/** What kind of TOML value a key takes. */
enum ValueType {
  STRING("a string"),
  INT("an integer"),
  FLOAT("a number"),
  BOOL("true or false"),
  STRINGS("an array of strings"),
  ANY("any value");

  private final String words;

  ValueType(String words) {
    this.words = words;
  }

  /** For people: "a string". */
  String words() {
    return words;
  }

  static ValueType named(String name) {
    return valueOf(name.toUpperCase(java.util.Locale.ROOT));
  }

  /** Whether a value as {@link #plain} gives it may stand for this type. */
  boolean takes(Object plain) {
    return switch (this) {
      case STRING -> plain instanceof String;
      case INT -> plain instanceof Long;
      case FLOAT -> plain instanceof Double || plain instanceof Long;
      case BOOL -> plain instanceof Boolean;
      case STRINGS ->
          plain instanceof List<?> list && list.stream().allMatch(String.class::isInstance);
      case ANY -> true;
    };
  }

  /** tomlj's arrays and tables as lists and maps; the rest as it is. */
  static Object plain(Object value) {
    return switch (value) {
      case TomlArray array -> array.toList().stream().map(ValueType::plain).toList();
      case TomlTable table -> table.toMap();
      default -> value;
    };
  }

  /** What a value is, for people: "a string". */
  static String wordsFor(Object plain) {
    return switch (plain) {
      case String _ -> "a string";
      case Long _ -> "an integer";
      case Double _ -> "a number with a fraction";
      case Boolean _ -> "a boolean";
      case List<?> _ -> "an array";
      case java.util.Map<?, ?> _ -> "a table";
      default -> "a date or time";
    };
  }
}
