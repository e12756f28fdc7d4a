package dev.retainerd.replay.predicate;

import com.google.protobuf.Message;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Reads predicates.
 *
 * <pre>
 * predicate   = all { "or" all }
 * all         = one { "and" one }
 * one         = "not" one | "(" predicate ")" | value [ ( == | != | &lt; | &lt;= | &gt; | &gt;= | ~ ) literal ]
 * value       = count(KIND [where predicate])     how many
 *             | exists(KIND [where predicate])    whether there is one
 *             | none(KIND [where predicate])      whether there is none
 *             | unique(KIND PATH)                 whether no value of PATH is there twice
 *             | KIND["id"].PATH                   of one thing; the id may be a path as well
 *             | event.PATH                        type, sequence, namespace, subject, actor, pid, uid,
 *                                                 executable, request, cause, secrets, payload.FIELD
 *             | PATH                              within where: of the thing (also id, namespace);
 *                                                 elsewhere: of the event
 * literal     = 12 | "text" | word
 * </pre>
 *
 * <p>{@code ~} takes a regular expression that has to be found. A value without a comparison holds
 * where it is set: not empty, not zero, not false.
 */
public final class PredicateParser {
  private final Tokens tokens;
  private final Set<Kind<?>> kinds = new HashSet<>();
  private boolean looksAtEvent;
  private int depth;
  private int depthOfWhere;

  /** What a value stands for in a scope: none, one, or several. */
  private interface Value extends Function<Scope, List<Object>> {}

  private PredicateParser(String text) {
    this.tokens = new Tokens(text);
  }

  /**
   * Reads one.
   *
   * @throws PredicateException where it cannot be understood
   */
  public static Predicate parse(String text) {
    PredicateParser parser = new PredicateParser(text);
    Predicate.Test test = parser.predicate();
    if (parser.tokens.peek().type() != Tokens.Type.END) {
      throw parser.tokens.wrong(
          "goes on with " + parser.tokens.peek().text(), parser.tokens.peek().at());
    }
    return new Predicate(text, test, parser.kinds, parser.looksAtEvent);
  }

  private Predicate.Test predicate() {
    if (++depth > 100) {
      throw tokens.wrong("is nested too deeply", tokens.peek().at());
    }
    Predicate.Test left = all();
    while (tokens.takeIf("or")) {
      Predicate.Test a = left;
      Predicate.Test b = all();
      left = scope -> a.holds(scope) || b.holds(scope);
    }
    depth--;
    return left;
  }

  private Predicate.Test all() {
    Predicate.Test left = one();
    while (tokens.takeIf("and")) {
      Predicate.Test a = left;
      Predicate.Test b = one();
      left = scope -> a.holds(scope) && b.holds(scope);
    }
    return left;
  }

  private Predicate.Test one() {
    if (++depth > 100) {
      throw tokens.wrong("is nested too deeply", tokens.peek().at());
    }
    try {
      if (tokens.takeIf("not")) {
        Predicate.Test inner = one();
        return scope -> !inner.holds(scope);
      }
      if (tokens.takeIf("(")) {
        Predicate.Test inner = predicate();
        tokens.expect(")");
        return inner;
      }
      return comparison();
    } finally {
      depth--;
    }
  }

  private Predicate.Test comparison() {
    Value value = value();
    for (String sign : List.of("==", "!=", "<=", ">=", "<", ">", "~")) {
      if (tokens.takeIf(sign)) {
        BiPredicate<Object, Object> compare = compare(sign, tokens.peek());
        Object literal = literal();
        // "differs from" is "equals none", also where there is nothing to compare.
        return sign.equals("!=")
            ? scope -> value.apply(scope).stream().noneMatch(v -> same(v, literal))
            : scope -> value.apply(scope).stream().anyMatch(v -> compare.test(v, literal));
      }
    }
    return scope -> value.apply(scope).stream().anyMatch(Values::truth);
  }

  private Object literal() {
    Tokens.Token token = tokens.take();
    return switch (token.type()) {
      case NUMBER -> Long.parseLong(token.text());
      case TEXT, WORD -> token.text();
      case SIGN, END -> throw tokens.wrong("lacks a value to compare with", token.at());
    };
  }

  private BiPredicate<Object, Object> compare(String sign, Tokens.Token literal) {
    return switch (sign) {
      case "~" -> {
        Pattern pattern = pattern(literal);
        yield (value, ignored) -> pattern.matcher(String.valueOf(value)).find();
      }
      case "<" -> (value, other) -> order(value, other) < 0;
      case "<=" -> (value, other) -> order(value, other) <= 0;
      case ">" -> (value, other) -> order(value, other) > 0;
      case ">=" -> (value, other) -> order(value, other) >= 0;
      default -> PredicateParser::same;
    };
  }

  private Pattern pattern(Tokens.Token literal) {
    try {
      return Pattern.compile(literal.text());
    } catch (PatternSyntaxException e) {
      throw tokens.wrong("has no regular expression behind ~: " + e.getDescription(), literal.at());
    }
  }

  private static boolean same(Object value, Object literal) {
    return String.valueOf(value).equals(String.valueOf(literal));
  }

  private static int order(Object value, Object literal) {
    if (value instanceof Number number && literal instanceof Long other) {
      return Long.compare(number.longValue(), other);
    }
    return String.valueOf(value).compareTo(String.valueOf(literal));
  }

  private Value value() {
    Tokens.Token first = tokens.take();
    if (first.type() != Tokens.Type.WORD) {
      throw tokens.wrong("needs a value instead of " + first.text(), first.at());
    }
    boolean call = tokens.peek().text().equals("(") && tokens.peek().type() == Tokens.Type.SIGN;
    if (call) {
      return function(first);
    }
    boolean indexed = tokens.peek().text().equals("[") && tokens.peek().type() == Tokens.Type.SIGN;
    Optional<Kind<?>> kind = kind(first.text());
    if (indexed && kind.isPresent()) {
      return entry(kind.get());
    }
    List<String> path = new ArrayList<>();
    path.add(first.text());
    more(path);
    if (depthOfWhere > 0 && !first.text().equals("event")) {
      return scope -> ofThing(scope, path);
    }
    looksAtEvent = true;
    List<String> inEvent =
        first.text().equals("event") && path.size() > 1 ? path.subList(1, path.size()) : path;
    EventValues.check(inEvent, what -> tokens.wrong(what, first.at()));
    return scope -> EventValues.of(scope.told(), inEvent);
  }

  private void more(List<String> path) {
    while (true) {
      if (tokens.takeIf(".")) {
        path.add(tokens.take().text());
      } else if (tokens.takeIf("[")) {
        path.add(tokens.take().text());
        tokens.expect("]");
      } else {
        return;
      }
    }
  }

  private static List<Object> ofThing(Scope scope, List<String> path) {
    Scope.Thing thing = scope.thing().orElseThrow();
    if (path.size() == 1 && path.getFirst().equals("id")) {
      return List.of(thing.key().id());
    }
    if (path.size() == 1 && path.getFirst().equals("namespace")) {
      return List.of(thing.key().namespace());
    }
    return Values.under(thing.entry(), path);
  }

  private static Optional<Kind<?>> kind(String name) {
    return Kind.ALL.stream().filter(kind -> kind.title().equals(name)).findFirst();
  }

  private Kind<?> knownKind() {
    Tokens.Token token = tokens.take();
    Kind<?> kind =
        kind(token.text())
            .orElseThrow(
                () ->
                    tokens.wrong(
                        "names the unknown kind "
                            + token.text()
                            + "; there are "
                            + String.join(", ", Kind.ALL.stream().map(Kind::title).toList()),
                        token.at()));
    kinds.add(kind);
    return kind;
  }

  private Value function(Tokens.Token name) {
    tokens.expect("(");
    Kind<?> kind = knownKind();
    if (name.text().equals("unique")) {
      List<String> path = new ArrayList<>(List.of(tokens.take().text()));
      more(path);
      tokens.expect(")");
      return scope -> List.of(unique(scope, kind, path));
    }
    Predicate.Test test = scope -> true;
    if (tokens.takeIf("where")) {
      depthOfWhere++;
      test = predicate();
      depthOfWhere--;
    }
    tokens.expect(")");
    Predicate.Test where = test;
    return switch (name.text()) {
      case "count" -> scope -> List.of(count(scope, kind, where, Long.MAX_VALUE));
      case "exists" -> scope -> List.of(count(scope, kind, where, 1) > 0);
      case "none" -> scope -> List.of(count(scope, kind, where, 1) == 0);
      default ->
          throw tokens.wrong(
              "calls " + name.text() + "; there are count, exists, none and unique", name.at());
    };
  }

  private static NodeState state(Scope scope) {
    return scope
        .state()
        .orElseThrow(() -> new PredicateException("here a predicate can look at events only"));
  }

  private static long count(Scope scope, Kind<?> kind, Predicate.Test where, long enough) {
    long[] count = new long[1];
    state(scope)
        .forEach(
            kind,
            (key, entry) -> {
              if (count[0] < enough && where.holds(scope.at(new Scope.Thing(key, entry)))) {
                count[0]++;
              }
            });
    return count[0];
  }

  private static boolean unique(Scope scope, Kind<?> kind, List<String> path) {
    Set<Object> seen = new HashSet<>();
    boolean[] twice = new boolean[1];
    state(scope)
        .forEach(
            kind,
            (key, entry) -> {
              for (Object value : Values.under(entry, path)) {
                twice[0] |= Values.truth(value) && !seen.add(value);
              }
            });
    return !twice[0];
  }

  private Value entry(Kind<?> kind) {
    kinds.add(kind);
    tokens.expect("[");
    boolean text = tokens.peek().type() == Tokens.Type.TEXT;
    Value id;
    if (text) {
      String literal = tokens.take().text();
      id = scope -> List.of(literal);
    } else {
      id = value();
    }
    tokens.expect("]");
    List<String> path = new ArrayList<>();
    more(path);
    return scope ->
        id.apply(scope).stream()
            .flatMap(one -> find(scope, kind, String.valueOf(one)).stream())
            .flatMap(
                entry ->
                    (path.isEmpty() ? List.<Object>of(entry) : Values.under(entry, path)).stream())
            .toList();
  }

  /** In the namespace of the thing that is looked at, for the whole node, or in any namespace. */
  private static Optional<Message> find(Scope scope, Kind<?> kind, String id) {
    NodeState state = state(scope);
    String near = scope.thing().map(thing -> thing.key().namespace()).orElse("");
    for (String namespace : List.of(near, "")) {
      Optional<? extends Message> here = state.get(kind.key(namespace, id));
      if (here.isPresent()) {
        return Optional.of(here.get());
      }
    }
    List<Message> found = new ArrayList<>(1);
    collect(state, kind, id, found);
    return found.stream().findFirst();
  }

  private static <T extends Message> void collect(
      NodeState state, Kind<T> kind, String id, List<Message> found) {
    state.forEach(
        kind,
        (Key<T> key, T entry) -> {
          if (key.id().equals(id)) {
            found.add(entry);
          }
        });
  }
}
