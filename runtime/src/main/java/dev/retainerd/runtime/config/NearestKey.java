package dev.retainerd.runtime.config;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Finds what somebody may have meant by a key that does not exist. Pure. */
final class NearestKey {
  private NearestKey() {}

  /**
   * The hint for an unknown key, to stand after a semicolon. There is always one, be it far.
   *
   * @param written the key, its last segment being the one that is unknown
   * @param siblings what may stand in its table
   */
  static String hint(KeyTable table, int version, Key written, List<String> siblings) {
    Optional<String> sibling =
        nearest(written.last(), siblings)
            .or(() -> siblings.stream().filter(it -> it.startsWith(written.last())).findFirst());
    if (sibling.isPresent()) {
      return "did you mean " + written.parent().child(sibling.get()) + "?";
    }
    List<Key> all =
        table.keys().stream().filter(key -> key.inVersion(version)).map(KnownKey::pattern).toList();
    List<Key> sameName = all.stream().filter(key -> key.last().equals(written.last())).toList();
    if (!sameName.isEmpty()) {
      return "did you mean " + nearestKey(written, sameName) + "?";
    }
    List<Key> near = all.stream().filter(key -> near(key.last(), written.last())).toList();
    return "the nearest known key is " + nearestKey(written, near.isEmpty() ? all : near);
  }

  private static Key nearestKey(Key written, List<Key> keys) {
    String text = written.toString();
    return keys.stream()
        .min(Comparator.comparingInt(key -> distance(key.toString(), text)))
        .orElseThrow();
  }

  /** The candidate nearest to the word, if it is near enough for a slip of the hand. */
  static Optional<String> nearest(String word, List<String> candidates) {
    return candidates.stream()
        .filter(candidate -> near(candidate, word))
        .min(Comparator.comparingInt(candidate -> distance(candidate, word)));
  }

  private static boolean near(String known, String written) {
    return distance(
            known.toLowerCase(java.util.Locale.ROOT), written.toLowerCase(java.util.Locale.ROOT))
        <= Math.max(2, known.length() / 3);
  }

  /** Levenshtein: inserted, dropped and changed characters between the two. */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        row[j] = Math.min(Math.min(row[j] + 1, row[j - 1] + 1), diagonal + change);
        diagonal = above;
      }
    }
    return row[b.length()];
  }
}
