package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.predicate.Predicate;
import dev.retainerd.replay.predicate.PredicateParser;
import dev.retainerd.replay.predicate.Scope;
import dev.retainerd.store.words.Told;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which events lose their secrets. An event is redacted as a whole: one salt covers all its secret
 * fields, and with a salt that stays a short value that went could be guessed.
 */
final class RedactionRules {
  private static final Map<String, String> NAMED = named();

  private final List<Predicate> predicates;
  private final String words;

  private RedactionRules(List<Predicate> predicates, String words) {
    this.predicates = predicates;
    this.words = words;
  }

  private static Map<String, String> named() {
    Map<String, String> named = new LinkedHashMap<>();
    named.put("all", "secrets");
    // An OCI spec, a process and a CRI config each hold env and args.
    named.put("env", "secrets ~ \"^(spec|process|config)$\"");
    named.put("args", "secrets ~ \"^(spec|process|config)$\"");
    named.put("annotations", "secrets ~ \"^(annotations|spec|config)$\"");
    named.put("credentials", "secrets ~ \"^(config|spec|process|extensions|runtime_options)$\"");
    return named;
  }

  /** Names of the rules there are. */
  static String names() {
    return String.join(", ", NAMED.keySet());
  }

  /** Nothing is redacted. */
  static RedactionRules none() {
    return new RedactionRules(List.of(), "");
  }

  /**
   * Rules by name, and a predicate over events.
   *
   * @throws LookFailure where there is no such rule
   */
  static RedactionRules of(List<String> rules, Optional<Predicate> where) {
    List<Predicate> predicates = new ArrayList<>();
    List<String> words = new ArrayList<>();
    for (String rule : rules) {
      String text = NAMED.get(rule);
      if (text == null) {
        throw new LookFailure("there is no rule \"" + rule + "\": there are " + names());
      }
      predicates.add(PredicateParser.parse(text));
      words.add(rule);
    }
    where.ifPresent(
        predicate -> {
          predicates.add(predicate);
          words.add("where " + predicate.text());
        });
    return new RedactionRules(predicates, String.join("; ", words));
  }

  boolean covers(Told told) {
    return predicates.stream().anyMatch(p -> p.test().holds(Scope.of(told)));
  }

  /** The rules in words; "" for none. */
  String words() {
    return words;
  }
}
