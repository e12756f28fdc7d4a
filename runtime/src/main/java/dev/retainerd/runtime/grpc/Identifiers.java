package dev.retainerd.runtime.grpc;

import dev.retainerd.runtime.error.Refusal;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The rule for names that become parts of paths (namespaces, containers, tasks, execs, leases) and
 * the bound for labels: those of containerd, so that what one accepts the other does too.
 */
public final class Identifiers {
  private static final int MAX_LENGTH = 76;
  private static final int MAX_LABEL_LENGTH = 4096;
  private static final Pattern RULE = Pattern.compile("[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*");

  private Identifiers() {}

  /**
   * Returns the identifier if it is valid.
   *
   * @param kind what it names, for the sentence: "namespace", "container"
   * @throws Refusal INVALID_ARGUMENT
   */
  public static String check(String kind, String identifier) {
    if (identifier.isEmpty()) {
      throw Refusal.invalidArgument(kind + " identifier must not be empty");
    }
    if (identifier.length() > MAX_LENGTH) {
      throw Refusal.invalidArgument(
          "%s identifier \"%s...\" has %d characters, more than %d are not allowed"
              .formatted(kind, identifier.substring(0, 16), identifier.length(), MAX_LENGTH));
    }
    if (!RULE.matcher(identifier).matches()) {
      throw Refusal.invalidArgument(
          "%s identifier \"%s\" must be letters and digits, single '.', '_', '-' between them"
              .formatted(kind, identifier));
    }
    return identifier;
  }

  /**
   * Returns the labels if each key with its value is within the bound of 4096 bytes.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  public static Map<String, String> checkLabels(Map<String, String> labels) {
    labels.forEach(
        (key, value) -> {
          if (key.length() + value.length() > MAX_LABEL_LENGTH) {
            throw Refusal.invalidArgument(
                "label \"%s\" with its value has %d characters, more than %d are not allowed"
                    .formatted(
                        key.substring(0, Math.min(key.length(), 32)),
                        key.length() + value.length(),
                        MAX_LABEL_LENGTH));
          }
        });
    return labels;
  }
}
