package dev.retainerd.runtime.filter;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How an Update changes a map (labels, annotations, extensions) under a field mask: {@code labels}
 * replaces all of it, {@code labels.KEY} one entry, and an entry that is set to the empty value
 * goes.
 */
public final class MaskedMap {
  private MaskedMap() {}

  /** Whether the path of a mask names this map or one of its entries. */
  public static boolean concerns(String path, String field) {
    return path.equals(field) || path.startsWith(field + ".");
  }

  /**
   * The labels after an update.
   *
   * @param field the map's name in the mask, such as "labels"
   * @param mask paths; those that concern other fields are passed over, and an empty mask replaces
   *     the map
   */
  public static Map<String, String> labels(
      Map<String, String> current, Map<String, String> wanted, String field, List<String> mask) {
    Map<String, String> next = new TreeMap<>(entries(current, wanted, field, mask));
    next.values().removeIf(String::isEmpty);
    return next;
  }

  /**
   * As {@link #labels}, for values of any type; an entry that is absent from {@code wanted} goes.
   */
  public static <V> Map<String, V> entries(
      Map<String, V> current, Map<String, V> wanted, String field, List<String> mask) {
    if (mask.isEmpty() || mask.contains(field)) {
      return new LinkedHashMap<>(wanted);
    }
    Map<String, V> next = new LinkedHashMap<>(current);
    String prefix = field + ".";
    for (String path : mask) {
      if (path.startsWith(prefix)) {
        String key = path.substring(prefix.length());
        V value = wanted.get(key);
        if (value == null) {
          next.remove(key);
        } else {
          next.put(key, value);
        }
      }
    }
    return next;
  }
}
