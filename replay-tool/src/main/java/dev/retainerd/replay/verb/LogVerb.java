package dev.retainerd.replay.verb;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.predicate.Predicate;
import dev.retainerd.replay.predicate.Scope;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind log}: events, filtered. */
@Command(name = "log", description = "print events", sortOptions = false)
public final class LogVerb extends Verb {
  @Option(names = "--from", paramLabel = "SEQ|TIME", description = "first event")
  String from = "0";

  @Option(names = "--to", paramLabel = "SEQ|TIME", description = "last event")
  String to = "end";

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "only of this namespace")
  List<String> namespaces = new ArrayList<>();

  @Option(
      names = "--subject",
      paramLabel = "TEXT",
      description = "only subjects with this in them, such as container/web")
  List<String> subjects = new ArrayList<>();

  @Option(names = "--type", paramLabel = "TYPE", description = "only of this type: TaskExited")
  List<String> types = new ArrayList<>();

  @Option(
      names = "--actor",
      paramLabel = "TEXT",
      description = "only by this actor: daemon, recovery, shim, client, a pid, part of a program")
  List<String> actors = new ArrayList<>();

  @Option(
      names = "--where",
      paramLabel = "PREDICATE",
      description =
          "only events of which it holds, such as: type == TaskExited and payload.status > 0")
  String wanted = "";

  @Option(
      names = {"-f", "--follow"},
      description = "wait for events to come")
  boolean follow;

  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();

  @Override
  protected int run(History history) throws InterruptedException {
    types.forEach(LogVerb::known);
    Point first = point(from);
    Point last = point(to);
    Optional<Predicate> predicate = where(wanted);
    EventJson trees = new EventJson(showSecrets);
    if (follow) {
      long start = first instanceof Point.Sequence s ? Math.max(1, s.sequence()) : 1;
      history.follow(start, told -> take(told, first, last, trees, predicate));
    } else {
      history.each(start(history, first), told -> take(told, first, last, trees, predicate));
    }
    return HOLDS;
  }

  private static void known(String type) {
    boolean exists = Stream.of(EventType.values()).anyMatch(t -> t.title().equals(type));
    if (!exists) {
      String lower = type.toLowerCase(Locale.ROOT);
      List<String> near =
          Stream.of(EventType.values())
              .map(EventType::title)
              .filter(t -> t.toLowerCase(Locale.ROOT).contains(lower))
              .toList();
      throw new LookFailure(
          "there is no type of event \""
              + type
              + "\""
              + (near.isEmpty() ? "" : "; did you mean " + String.join(", ", near) + "?"));
    }
  }

  private boolean take(
      Told told, Point first, Point last, EventJson trees, Optional<Predicate> predicate) {
    if (!last.covers(told)) {
      return false;
    }
    boolean begun = !(first instanceof Point.Moment m) || !told.time().isBefore(m.time());
    if (begun && passes(told) && predicate.map(p -> p.test().holds(Scope.of(told))).orElse(true)) {
      println(json ? gson.toJson(trees.tree(told)) : line(told));
      if (follow) {
        out().flush();
      }
    }
    return !out().checkError();
  }

  private boolean passes(Told told) {
    return (namespaces.isEmpty() || namespaces.contains(told.envelope().namespace()))
        && (types.isEmpty() || types.contains(told.type().title()))
        && (subjects.isEmpty() || subjects.stream().anyMatch(told.envelope().subject()::contains))
        && (actors.isEmpty() || actors.stream().anyMatch(actor -> by(told, actor)));
  }

  private static boolean by(Told told, String wanted) {
    var actor = told.envelope().actor();
    return actor.kind().name().equalsIgnoreCase(wanted)
        || Integer.toString(actor.pid()).equals(wanted)
        || (!actor.executable().isEmpty() && actor.executable().contains(wanted));
  }

  private String line(Told told) {
    String namespace = told.envelope().namespace();
    return String.format(
        "%7d  %s  %-8s %-22s %s  %s",
        told.sequence(),
        paint().dim(String.format("%-27s", time(told.time()))),
        namespace.isEmpty() ? "-" : namespace,
        told.type().title(),
        Step.of(told.type()).role() == Step.Role.FAILS
            ? paint().bad(told.sentence())
            : told.sentence(),
        paint().dim("[" + told.by() + "]"));
  }
}
