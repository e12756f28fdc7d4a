package dev.retainerd.runtime.filter;

import dev.retainerd.runtime.error.Refusal;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A client's regular expression. The JDK's engine backtracks, so an expression such as {@code
 * (a+)+$} could keep a core busy for hours: a search that looks at more characters than allowed is
 * refused.
 */
public final class BoundedPattern {
  private static final int MAX_LOOKS = 200_000;

  private final Pattern pattern;

  private BoundedPattern(Pattern pattern) {
    this.pattern = pattern;
  }

  static BoundedPattern of(String expression) {
    try {
      return new BoundedPattern(Pattern.compile(expression));
    } catch (PatternSyntaxException e) {
      throw Refusal.invalidArgument(
          "the regular expression \"%s\" is not valid: %s"
              .formatted(expression, e.getDescription()));
    }
  }

  /**
   * Whether the expression occurs in the text.
   *
   * @throws Refusal INVALID_ARGUMENT if the search takes too long
   */
  boolean isFoundIn(String text) {
    try {
      return pattern.matcher(new CountedText(text, new int[1])).find();
    } catch (StackOverflowError tooDeep) {
      throw tooCostly();
    }
  }

  private Refusal tooCostly() {
    return Refusal.invalidArgument(
        "the regular expression \"%s\" takes too long; write one without nested repetition"
            .formatted(pattern));
  }

  private final class CountedText implements CharSequence {
    private final String text;
    private final int[] looks;

    CountedText(String text, int[] looks) {
      this.text = text;
      this.looks = looks;
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (++looks[0] > MAX_LOOKS) {
        throw tooCostly();
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new CountedText(text.substring(start, end), looks);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
