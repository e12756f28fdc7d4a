package dev.retainerd.runtime.registry;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server wants to see, from its {@code WWW-Authenticate} header. Immutable.
 *
 * @param scheme lower case: {@code bearer} or {@code basic}
 */
record Challenge(String scheme, Map<String, String> parameters) {
  private static final Pattern PARAMETER = Pattern.compile("([\\w-]+)=(?:\"([^\"]*)\"|([^\\s,]+))");

  /** The best of them: bearer before basic. */
  static Optional<Challenge> best(List<String> headers) {
    Optional<Challenge> basic = Optional.empty();
    for (String header : headers) {
      int space = header.indexOf(' ');
      String scheme = (space < 0 ? header : header.substring(0, space)).toLowerCase(Locale.ROOT);
      Map<String, String> parameters = new HashMap<>();
      Matcher matcher = PARAMETER.matcher(space < 0 ? "" : header.substring(space));
      while (matcher.find()) {
        String value = matcher.group(2) != null ? matcher.group(2) : matcher.group(3);
        parameters.put(matcher.group(1).toLowerCase(Locale.ROOT), value);
      }
      Challenge challenge = new Challenge(scheme, Map.copyOf(parameters));
      if (scheme.equals("bearer") && parameters.containsKey("realm")) {
        return Optional.of(challenge);
      }
      if (scheme.equals("basic")) {
        basic = Optional.of(challenge);
      }
    }
    return basic;
  }
}
