package dev.retainerd.runtime.config;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * One line of the table of keys: what a key is called, what it takes, and what becomes of it.
 *
 * @param versions the config versions it belongs to, one digit each
 */
record KnownKey(String versions, Key pattern, ValueType type, Verdict verdict) {

  /** What becomes of a key. */
  sealed interface Verdict {}

  /**
   * A setting of ours, named by its pattern.
   *
   * @param defaultLiteral the default as TOML, or "-" for none
   */
  record Honour(String defaultLiteral, String description) implements Verdict {}

  /** An older name of a setting; {@code *} in it stands for the names of the pattern, in order. */
  record Alias(Key setting) implements Verdict {}

  /** Accepted with one warning that gives this reason. */
  record Ignore(String reason) implements Verdict {}

  boolean inVersion(int version) {
    return versions.indexOf('0' + version) >= 0 || (version == 1 && versions.indexOf('2') >= 0);
  }

  /** Whether a key as it is written falls under this line. */
  boolean matches(Key written) {
    List<String> names = written.segments();
    for (int i = 0; i < pattern.segments().size(); i++) {
      String segment = pattern.segments().get(i);
      if (segment.equals("**")) {
        return names.size() > i;
      }
      if (i >= names.size() || !(segment.equals("*") || segment.equals(names.get(i)))) {
        return false;
      }
    }
    return names.size() == pattern.segments().size();
  }

  /** The setting that this key, found as {@code written}, stands for. */
  Key settingFor(Key written) {
    Key target = verdict instanceof Alias alias ? alias.setting() : pattern;
    List<String> names = new ArrayList<>();
    List<String> rest = List.of();
    for (int i = 0; i < pattern.segments().size(); i++) {
      String segment = pattern.segments().get(i);
      if (segment.equals("*")) {
        names.add(written.segments().get(i));
      } else if (segment.equals("**")) {
        rest = written.segments().subList(i, written.segments().size());
      }
    }
    List<String> filled = new ArrayList<>();
    Iterator<String> name = names.iterator();
    for (String segment : target.segments()) {
      switch (segment) {
        case "*" -> filled.add(name.next());
        case "**" -> filled.addAll(rest);
        default -> filled.add(segment);
      }
    }
    return new Key(filled);
  }
}
