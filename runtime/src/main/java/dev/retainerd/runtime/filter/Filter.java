package dev.retainerd.runtime.filter;

import dev.retainerd.runtime.error.Refusal;
import java.util.List;

/**
 * Selects things in list calls and events in subscriptions, in containerd's language. Immutable,
 * thread-safe.
 *
 * <pre>
 * filter    = "" | selector ("," selector)*          all selectors must hold; "" holds always
 * selector  = path [operator value]                  a path alone holds where there is a value
 * path      = field ("." field)*
 * field     = letters, digits and "_" | quoted
 * operator  = "==" | "!=" | "~="                     "~=" finds a regular expression anywhere in the value
 * value     = quoted | everything up to a comma or a space
 * quoted    = "..." with Go's escapes; after "~=" also /.../ and |...|
 * </pre>
 *
 * An absent value is unequal to every other, and to "~=" it is the empty string.
 */
public sealed interface Filter {

  boolean matches(Fields fields);

  /**
   * Parses one filter.
   *
   * @throws Refusal INVALID_ARGUMENT with the place of the fault
   */
  static Filter parse(String filter) {
    return new FilterParser(filter).parse();
  }

  /**
   * Parses the filters of a request: a thing is selected if any of them matches, or if there are
   * none.
   *
   * @throws Refusal INVALID_ARGUMENT with the place of the first fault
   */
  static Filter any(List<String> filters) {
    return filters.isEmpty()
        ? new All(List.of())
        : new Any(filters.stream().map(Filter::parse).toList());
  }

  /** At least one matches. */
  record Any(List<Filter> filters) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return filters.stream().anyMatch(filter -> filter.matches(fields));
    }
  }

  /** Every one matches. */
  record All(List<Filter> filters) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return filters.stream().allMatch(filter -> filter.matches(fields));
    }
  }

  /** There is a value. */
  record Present(List<String> path) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return fields.at(path).isPresent();
    }
  }

  /** There is a value, and it is this one. */
  record Equal(List<String> path, String value) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return fields.at(path).filter(value::equals).isPresent();
    }
  }

  /** There is no value, or another one. */
  record Unequal(List<String> path, String value) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return !value.equals(fields.at(path).orElse(""));
    }
  }

  /** The expression is found in the value. */
  record Found(List<String> path, BoundedPattern pattern) implements Filter {
    @Override
    public boolean matches(Fields fields) {
      return pattern.isFoundIn(fields.at(path).orElse(""));
    }
  }
}
