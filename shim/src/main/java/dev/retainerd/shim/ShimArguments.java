package dev.retainerd.shim;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * A shim's command line: containerd's convention ({@code -namespace NS -id ID ... ACTION}, one dash
 * or two) and our own {@code serve}. Immutable.
 *
 * @param action empty, start, delete or serve
 */
record ShimArguments(String action, Map<String, String> values, Set<String> switches) {
  private static final Set<String> SWITCHES = Set.of("debug", "v", "version", "info", "help", "h");
  private static final Set<String> VALUES =
      Set.of(
          "namespace",
          "id",
          "address",
          "publish-binary",
          "bundle",
          "socket",
          "debug-socket",
          "dir",
          "runtime-root",
          "runtime-timeout",
          "holder",
          "undelivered",
          "ttrpc-address");

  /**
   * @throws IllegalArgumentException with a sentence for people
   */
  static ShimArguments parse(String[] arguments) {
    String action = "";
    Map<String, String> values = new HashMap<>();
    Set<String> switches = new java.util.HashSet<>();
    for (int i = 0; i < arguments.length; i++) {
      String one = arguments[i];
      if (!one.startsWith("-")) {
        action = action.isEmpty() ? one : action;
        continue;
      }
      String name = one.startsWith("--") ? one.substring(2) : one.substring(1);
      String value = null;
      int equals = name.indexOf('=');
      if (equals >= 0) {
        value = name.substring(equals + 1);
        name = name.substring(0, equals);
      }
      if (SWITCHES.contains(name)) {
        switches.add(name);
      } else if (!VALUES.contains(name)) {
        throw new IllegalArgumentException("unknown option " + one + "; see --help");
      } else if (value != null) {
        values.put(name, value);
      } else if (i + 1 < arguments.length) {
        values.put(name, arguments[++i]);
      } else {
        throw new IllegalArgumentException("the option " + one + " needs a value");
      }
    }
    return new ShimArguments(action, values, switches);
  }

  boolean has(String name) {
    return switches.contains(name);
  }

  String value(String name) {
    return values.getOrDefault(name, "");
  }

  String required(String name) {
    String value = value(name);
    if (value.isEmpty()) {
      throw new IllegalArgumentException("the option -" + name + " is needed for this");
    }
    return value;
  }
}
