package dev.retainerd.runtime.filter;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A thing as a filter sees it: values by path. */
@FunctionalInterface
public interface Fields {

  /** The value at this path, whose list is never empty; empty where there is none. */
  Optional<String> at(List<String> path);

  /** A value that counts as absent when it is the empty string. */
  static Optional<String> value(String value) {
    return value.isEmpty() ? Optional.empty() : Optional.of(value);
  }

  /**
   * The value of a map such as labels: the rest of the path, joined by dots, is the key. So a key
   * with dots needs no quotes, while one with slashes does.
   */
  static Optional<String> entry(Map<String, String> map, List<String> path) {
    return Optional.ofNullable(map.get(String.join(".", path.subList(1, path.size()))));
  }
}
