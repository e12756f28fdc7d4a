package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import java.util.regex.Pattern;

/**
 * What an id of a container, sandbox, exec, namespace or snapshot may look like: containerd's rule,
 * which makes it safe as a file name.
 */
public final class Identifiers {
  /** Characters of the longest identifier. */
  public static final int LONGEST = 76;

  private static final Pattern VALID = Pattern.compile("[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*");

  private Identifiers() {}

  /**
   * Returns the identifier if it is one.
   *
   * @param what for the sentence: "container id"
   * @throws Refusal INVALID_ARGUMENT
   */
  public static String check(String what, String id) {
    if (id.isEmpty()) {
      throw Refusal.invalidArgument("the " + what + " is empty; give one");
    }
    if (id.length() > LONGEST) {
      throw Refusal.invalidArgument(
          "the %s %s has %d characters; at most %d are allowed"
              .formatted(what, shortened(id), id.length(), LONGEST));
    }
    if (!VALID.matcher(id).matches()) {
      throw Refusal.invalidArgument(
          "the %s %s is not made of letters and digits with single . _ - between them"
              .formatted(what, shortened(id)));
    }
    return id;
  }

  /** Text of a stranger for a sentence: quoted, bounded, without control characters. */
  static String shortened(String text) {
    String head = text.length() > 100 ? text.substring(0, 100) + "..." : text;
    return '"' + head.replaceAll("\\p{Cntrl}", "?") + '"';
  }
}
