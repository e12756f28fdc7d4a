package dev.retainerd.replay.verb;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.replay.history.History;
import dev.retainerd.store.words.Life;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code rewind timeline}: one thing's life. */
@Command(
    name = "timeline",
    description = "the life of a pod, container, image, shim or process, with durations")
public final class TimelineVerb extends IndexedVerb {
  @Parameters(
      index = "1",
      paramLabel = "ID",
      description = "an id, or its beginning; or a process id")
  String id;

  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();

  /** Intents without an outcome so far, by subject and operation. */
  private final Map<String, Told> open = new LinkedHashMap<>();

  private Optional<Told> first = Optional.empty();
  private Optional<Told> before = Optional.empty();
  private long count;

  @Override
  protected int look(History history) {
    String whole = history.find(id);
    EventJson trees = new EventJson(showSecrets);
    Life life = history.life(whole, told -> take(told, trees));
    finish(whole, life);
    return HOLDS;
  }

  private void take(Told told, EventJson trees) {
    count++;
    first = Optional.of(first.orElse(told));
    Step step = Step.of(told.type());
    String key = told.envelope().subject() + " " + step.operation();
    Optional<Told> intent = Optional.empty();
    boolean repeated = false;
    switch (step.role()) {
      case OPENS -> repeated = open.put(key, told) != null;
      case SUCCEEDS, FAILS -> intent = Optional.ofNullable(open.remove(key));
      case NOTES -> {}
    }
    if (json) {
      Map<String, Object> tree = trees.tree(told);
      tree.put("role", step.role().name());
      intent.ifPresent(
          i -> {
            tree.put("intent", i.sequence());
            tree.put("tookNanos", told.envelope().wallNanos() - i.envelope().wallNanos());
          });
      println(gson.toJson(tree));
    } else {
      text(told, step, intent, repeated);
    }
    before = Optional.of(told);
  }

  private void text(Told told, Step step, Optional<Told> intent, boolean repeated) {
    before.ifPresent(b -> jump(b, told));
    long since = told.envelope().wallNanos() - first.orElseThrow().envelope().wallNanos();
    String mark =
        switch (step.role()) {
          case OPENS -> "┌";
          case SUCCEEDS -> intent.isPresent() ? "└" : "•";
          case FAILS -> "✗";
          case NOTES -> "•";
        };
    String took =
        intent
            .map(i -> told.envelope().wallNanos() - i.envelope().wallNanos())
            .map(nanos -> "  (took " + Phrases.duration(nanos) + ")")
            .orElse("");
    println(
        String.format(
            "%7d  %s  +%-10s %s %s%s%s  [%s]",
            told.sequence(),
            time(told.time()),
            Phrases.duration(since),
            mark,
            told.sentence(),
            took,
            repeated ? "  (again: the attempt before it has no outcome)" : "",
            told.by()));
  }

  private void jump(Told earlier, Told later) {
    boolean sameBoot = earlier.envelope().bootId().equals(later.envelope().bootId());
    if (!sameBoot) {
      println("         --- the node was booted anew in between ---");
      return;
    }
    long wall = later.envelope().wallNanos() - earlier.envelope().wallNanos();
    long real = later.envelope().monotonicNanos() - earlier.envelope().monotonicNanos();
    if (Math.abs(wall - real) > 1_000_000_000L) {
      println("         --- the clock jumped by " + Phrases.duration(wall - real) + " ---");
    }
  }

  private void finish(String whole, Life life) {
    if (json) {
      return;
    }
    for (Told intent : open.values()) {
      println(
          "      !  event "
              + intent.sequence()
              + " has no outcome: "
              + intent.sentence()
              + (life.over() ? "; it was undone or overtaken" : "; it may still be under way"));
    }
    long nanos =
        before.orElseThrow().envelope().wallNanos() - first.orElseThrow().envelope().wallNanos();
    println(
        Phrases.shortId(whole)
            + ": "
            + count
            + " events in "
            + Phrases.duration(nanos)
            + (life.over() ? ", gone" : ", still known")
            + (open.isEmpty() ? "" : ", " + open.size() + " without outcome"));
  }
}
