package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.LookFailure;

/** Colours, where they are wanted. Immutable. */
final class Paint {
  private static final String END = "\033[0m";

  private final boolean on;

  Paint(boolean on) {
    this.on = on;
  }

  /** By what the operator said: always, never, or auto. */
  static Paint when(String word) {
    return switch (word) {
      case "always" -> new Paint(true);
      case "never" -> new Paint(false);
      case "auto" -> new Paint(System.getenv("NO_COLOR") == null && terminal());
      default ->
          throw new LookFailure("--color takes auto, always or never, and not \"" + word + "\"");
    };
  }

  private static boolean terminal() {
    return System.console() != null && System.console().isTerminal();
  }

  String bad(String text) {
    return wrap("31;1", text);
  }

  String good(String text) {
    return wrap("32", text);
  }

  String dim(String text) {
    return wrap("2", text);
  }

  String warn(String text) {
    return wrap("33", text);
  }

  private String wrap(String code, String text) {
    return on && !text.isEmpty() ? "\033[" + code + "m" + text + END : text;
  }
}
