package dev.retainerd.runtime.network;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The nat rules that CNI plugins made for pods, read and removed through the node's own iptables.
 * Stateless and thread-safe.
 *
 * <p>They are needed for what a DEL cannot do: bridge forgets its masquerading rule when the
 * namespace is gone before it is called.
 */
public final class FirewallRules {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final Pattern SIGNED =
      Pattern.compile(
          "-A \\S+ .*--comment \"(?:dnat )?name: \\\\\"(.*?)\\\\\" id: \\\\\"(.*?)\\\\\"\".*"
              + " -j (CNI-\\S+)");

  private FirewallRules() {}

  /** All signed rules of both families; none where iptables is not installed. */
  public static List<FirewallRule> list() {
    List<FirewallRule> rules = new ArrayList<>();
    for (boolean ipv6 : new boolean[] {false, true}) {
      String command = ipv6 ? "ip6tables-save" : "iptables-save";
      String text;
      try {
        text = run(List.of(command, "-t", "nat"), "");
      } catch (IOException e) {
        // Not installed, or a kernel without this family: then no plugin made rules there either.
        continue;
      }
      rules.addAll(parse(text, ipv6));
    }
    return rules;
  }

  /** Reads the output of iptables-save. */
  static List<FirewallRule> parse(String text, boolean ipv6) {
    List<FirewallRule> rules = new ArrayList<>();
    for (String line : text.split("\n")) {
      Matcher matcher = SIGNED.matcher(line);
      if (matcher.matches()) {
        rules.add(
            new FirewallRule(ipv6, matcher.group(1), matcher.group(2), matcher.group(3), line));
      }
    }
    return rules;
  }

  /**
   * Removes the rule and its chain in one transaction.
   *
   * @return false if it was gone already
   */
  public static boolean remove(FirewallRule rule) {
    String command = rule.ipv6() ? "ip6tables-restore" : "iptables-restore";
    String script =
        "*nat\n-D"
            + rule.text().substring(2)
            + "\n-F "
            + rule.chain()
            + "\n-X "
            + rule.chain()
            + "\nCOMMIT\n";
    try {
      run(List.of(command, "--noflush", "-w", "10"), script);
      return true;
    } catch (IOException e) {
      if (list().stream().noneMatch(rule::equals)) {
        return false;
      }
      throw Refusal.internal(
          "the nat rule of pod " + rule.sandboxId() + " could not be removed: " + e.getMessage(),
          e);
    }
  }

  private static String run(List<String> command, String input) throws IOException {
    try {
      ChildProcess.Ended ended =
          ChildProcess.run(command, Map.of(), input.getBytes(StandardCharsets.UTF_8), DEADLINE);
      if (ended.exitCode() != 0) {
        throw new IOException(
            command.getFirst() + " exited with " + ended.exitCode() + ": " + ended.error().strip());
      }
      return new String(ended.output(), StandardCharsets.UTF_8);
    } catch (ChildProcess.OverdueException e) {
      throw new IOException(command.getFirst() + " " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(command.getFirst() + " was killed: cancelled", e);
    }
  }
}
