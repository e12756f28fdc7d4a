package dev.retainerd.runtime.ctl.command;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Labels as operators write and read them. */
public final class Labels {

  private Labels() {}

  /** {@code a=b} each; {@code a} and {@code a=} give the empty value. */
  public static Map<String, String> parse(List<String> pairs) {
    Map<String, String> labels = new LinkedHashMap<>();
    for (String pair : pairs) {
      int at = pair.indexOf('=');
      if (at == 0) {
        throw CommandFailure.usage("\"" + pair + "\" is no label: write it as KEY=VALUE");
      }
      labels.put(at < 0 ? pair : pair.substring(0, at), at < 0 ? "" : pair.substring(at + 1));
    }
    return labels;
  }

  /** {@code a=b,c=d}, sorted; {@code -} where there are none. */
  public static String text(Map<String, String> labels) {
    if (labels.isEmpty()) {
      return "-";
    }
    StringBuilder text = new StringBuilder();
    new TreeMap<>(labels)
        .forEach(
            (key, value) ->
                text.append(text.isEmpty() ? "" : ",").append(key).append('=').append(value));
    return text.toString();
  }
}
