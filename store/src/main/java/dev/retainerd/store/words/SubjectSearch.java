package dev.retainerd.store.words;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Finds what an operator means by an id: the whole of it, or its beginning. Looks at subjects one
 * by one and keeps only a bounded number of candidates. Not thread-safe.
 */
public final class SubjectSearch {
  private static final int CANDIDATES_MAX = 8;
  private static final int NEAR_MAX = 3;
  private static final int LONGEST_COMPARED = 128;
  private static final int COMPARED_MAX = 10_000;

  private final String wanted;
  private boolean exact;

  /** Ids that were compared lately: most events are about something that was seen before. */
  private final Set<String> compared = new HashSet<>();

  private final Set<String> prefixed = new LinkedHashSet<>();
  private final TreeSet<Near> near =
      new TreeSet<>(Comparator.comparingInt(Near::distance).thenComparing(Near::id));

  private record Near(int distance, String id) {}

  public SubjectSearch(String wanted) {
    this.wanted = wanted;
  }

  /** Looks at one subject. */
  public void see(String subject) {
    if (exact || subject.indexOf('/') < 0) {
      exact = exact || subject.equals(wanted);
      return;
    }
    if (Life.isAbout(subject, wanted)) {
      exact = true;
      return;
    }
    for (String id : ids(subject)) {
      if (id.startsWith(wanted) && prefixed.size() < CANDIDATES_MAX) {
        prefixed.add(id);
      } else if (prefixed.isEmpty() && id.length() <= LONGEST_COMPARED) {
        consider(id);
      }
    }
  }

  /** The ids in a subject: all behind its kind, and an exec's container. */
  private static List<String> ids(String subject) {
    String kind = subject.substring(0, subject.indexOf('/'));
    String rest = subject.substring(kind.length() + 1);
    List<String> ids = new ArrayList<>(2);
    ids.add(rest);
    if (kind.equals("exec") && rest.indexOf('/') > 0) {
      ids.set(0, rest.substring(0, rest.indexOf('/')));
    } else if (kind.equals("snapshot") && rest.indexOf('/') > 0) {
      ids.set(0, rest.substring(rest.indexOf('/') + 1));
    }
    return ids;
  }

  /** Whether no other subject can change what is {@link #found}. */
  public boolean certain() {
    return exact;
  }

  private void consider(String id) {
    int most = Math.max(2, wanted.length() / 3);
    if (Math.abs(id.length() - wanted.length()) > most || !compared.add(id)) {
      return;
    }
    if (compared.size() > COMPARED_MAX) {
      compared.clear();
    }
    int distance = distance(wanted, id);
    if (distance <= most) {
      near.add(new Near(distance, id));
      if (near.size() > NEAR_MAX) {
        near.pollLast();
      }
    }
  }

  /** The one id that is meant; empty where none is, or more than one. */
  public Optional<String> found() {
    if (exact) {
      return Optional.of(wanted);
    }
    return prefixed.size() == 1 ? Optional.of(prefixed.iterator().next()) : Optional.empty();
  }

  /** Why there is no {@link #found}, as one sentence with what may have been meant. */
  public String complaint() {
    if (prefixed.size() > 1) {
      return "\""
          + wanted
          + "\" begins the ids of several things: "
          + String.join(", ", prefixed)
          + "; give more of it";
    }
    String meant =
        near.isEmpty()
            ? ""
            : "; did you mean " + String.join(", ", near.stream().map(Near::id).toList()) + "?";
    return "the history knows nothing of \"" + wanted + "\"" + meant;
  }

  /** How many characters have to be changed, put in or left out. */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
