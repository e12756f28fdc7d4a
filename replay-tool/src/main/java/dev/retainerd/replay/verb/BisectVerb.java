package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.replay.predicate.Invariants;
import dev.retainerd.replay.predicate.Predicate;
import dev.retainerd.replay.predicate.PredicateException;
import dev.retainerd.replay.predicate.PredicateParser;
import dev.retainerd.replay.predicate.Scope;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.words.Told;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code rewind bisect}: the first event at which something holds, or no longer does. The state is
 * folded from the first event on, since what holds in the middle says nothing of what held before.
 */
@Command(
    name = "bisect",
    sortOptions = false,
    description = {
      "find the first event at which a predicate holds, or breaks;",
      "exit status 0: found, 1: there is none, 2: could not look"
    },
    footer = {
      "",
      "Predicates look at the event and at the state behind it:",
      "  exists(task where oom_killed)",
      "  count(task where phase == RUNNING) > 100",
      "  task[\"web\"].phase == STOPPED",
      "  none(container where container.cri.sandbox_id and not sandbox[container.cri.sandbox_id])",
      "  event.type == TaskExited and event.payload.status == 137",
      "Words: and or not, == != < <= > >= ~ (regular expression), count exists none unique.",
      "The whole language: docs/forensics.md"
    })
public final class BisectVerb extends Verb {
  @Option(names = "--where", paramLabel = "PREDICATE", description = "what to look for")
  String predicate = "";

  @Option(
      names = "--invariant",
      paramLabel = "NAME",
      description =
          "find where it breaks: task-has-container, running-task-has-shim, container-has-pod,"
              + " address-once, exits-known")
  String invariant = "";

  @Option(
      names = "--breaks",
      description = "find the first event at which it no longer holds, having held before")
  boolean breaks;

  private boolean held = true;
  private boolean known;
  private boolean everHeld = true;
  private Optional<Told> found = Optional.empty();
  private Optional<Told> before = Optional.empty();

  @Override
  protected int run(History history) {
    Predicate wanted = wanted();
    boolean breaking = breaks || !invariant.isEmpty();
    everHeld = breaking && !invariant.isEmpty();
    Replay replay = new Replay(Verb::note);
    Set<Kind<?>> touched = new HashSet<>();
    replay.watch((sequence, deltas) -> deltas.forEach(delta -> touched.add(delta.key().kind())));
    boolean folding = wanted.needsState();
    if (folding && !history.source().dense()) {
      throw new LookFailure(
          history.source().name() + " holds selected events only: no state can be made of them");
    }
    history.each(
        1,
        told -> {
          touched.clear();
          if (folding) {
            if (before.isEmpty() && told.sequence() > 1) {
              throw new LookFailure(
                  "the history begins with event "
                      + told.sequence()
                      + ": the state before it is not in there");
            }
            replay.fold(told);
          }
          boolean changed =
              !known
                  || wanted.looksAtEvent()
                  || touched.stream().anyMatch(wanted.kinds()::contains);
          if (changed) {
            held = holds(wanted, told, replay);
            known = true;
          }
          if (breaking ? everHeld && !held : held) {
            found = Optional.of(told);
            return false;
          }
          everHeld |= held;
          before = Optional.of(told);
          return true;
        });
    return answer(wanted, breaking);
  }

  private Predicate wanted() {
    if (predicate.isEmpty() == invariant.isEmpty()) {
      throw new LookFailure("bisect takes either --where PREDICATE or --invariant NAME");
    }
    String text = invariant.isEmpty() ? predicate : Invariants.ALL.get(invariant);
    if (text == null) {
      throw new LookFailure(
          "there is no invariant \""
              + invariant
              + "\": there are "
              + String.join(", ", Invariants.ALL.keySet()));
    }
    try {
      return PredicateParser.parse(text);
    } catch (PredicateException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private static boolean holds(Predicate wanted, Told told, Replay replay) {
    try {
      return wanted.test().holds(Scope.of(told, replay.state()));
    } catch (PredicateException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private int answer(Predicate wanted, boolean breaking) {
    if (before.isEmpty() && found.isEmpty()) {
      throw new LookFailure("the log holds no event yet");
    }
    String how = breaking ? "breaks" : "holds";
    long last = before.map(Told::sequence).orElse(0L);
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("predicate", wanted.text());
      tree.put("looksFor", how);
      tree.put("found", found.isPresent());
      tree.put("sequence", found.map(Told::sequence).orElse(0L));
      found.ifPresent(told -> tree.put("event", new EventJson(showSecrets).tree(told)));
      tree.put("lastBefore", last);
      printJson(tree);
    } else if (found.isPresent()) {
      Told told = found.get();
      println(wanted.text());
      println(
          "first "
              + how
              + " with event "
              + told.sequence()
              + " of "
              + time(told.time())
              + ": "
              + told.sentence()
              + "  ["
              + told.by()
              + "]");
    } else {
      println(wanted.text());
      println(
          breaking && !everHeld
              ? "never held up to event " + last + ", so it could not break"
              : "never " + how + " up to event " + last);
    }
    return found.isPresent() ? HOLDS : DOES_NOT_HOLD;
  }
}
