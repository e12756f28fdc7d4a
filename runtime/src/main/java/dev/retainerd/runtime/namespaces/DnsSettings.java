package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.error.Refusal;
import java.util.List;

/**
 * What a pod's resolv.conf shall say.
 *
 * @param servers addresses of name servers, in order
 * @param searches domains that are tried behind a short name
 * @param options as resolv.conf(5) has them, such as ndots:5
 */
public record DnsSettings(List<String> servers, List<String> searches, List<String> options) {
  public DnsSettings {
    servers = List.copyOf(servers);
    searches = List.copyOf(searches);
    options = List.copyOf(options);
    for (List<String> words : List.of(servers, searches, options)) {
      words.forEach(DnsSettings::requireWord);
    }
  }

  /** Nothing asked for: the pod gets the node's own file. */
  public static DnsSettings none() {
    return new DnsSettings(List.of(), List.of(), List.of());
  }

  public boolean isEmpty() {
    return servers.isEmpty() && searches.isEmpty() && options.isEmpty();
  }

  /** The lines of resolv.conf(5). */
  public String text() {
    StringBuilder text = new StringBuilder();
    if (!searches.isEmpty()) {
      text.append("search ").append(String.join(" ", searches)).append('\n');
    }
    servers.forEach(server -> text.append("nameserver ").append(server).append('\n'));
    if (!options.isEmpty()) {
      text.append("options ").append(String.join(" ", options)).append('\n');
    }
    return text.toString();
  }

  private static void requireWord(String word) {
    if (word.isEmpty() || word.chars().anyMatch(c -> c <= ' ' || c == 127)) {
      throw Refusal.invalidArgument(
          "DNS setting \"" + word.strip() + "\" is empty or holds white space; give one word each");
    }
  }
}
