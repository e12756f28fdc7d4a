package dev.retainerd.replay.export;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * OTLP/JSON spans: an operation is a span from its intent to its outcome, the time that a process
 * runs is another; what had no outcome when the history ends is marked as open. Memory grows with
 * what is under way, not with the history.
 */
public final class OtlpSpansFormat extends OtlpFormat {
  private static final int INTERNAL = 1;
  private static final int SERVER = 2;
  private static final int OK = 1;
  private static final int ERROR = 2;

  private record Open(Told from, String operation, String trace) {}

  private final Owners owners = new Owners();
  private final Map<String, Open> open = new LinkedHashMap<>();

  /** The span that an event opened, while it is open: what it caused links to it. */
  private final Map<Long, Open> bySequence = new HashMap<>();

  private Optional<Told> last = Optional.empty();

  public OtlpSpansFormat(PrintStream out, String node, String version) {
    super(out, node, version, "Spans", "spans");
  }

  @Override
  public void add(Told told) {
    owners.learn(told);
    last = Optional.of(told);
    String trace = traceId(owners.of(told));
    String subject = told.envelope().namespace() + " " + told.envelope().subject();
    Step step = Step.of(told.type());
    switch (step.role()) {
      case OPENS -> begin(subject + " " + step.operation(), told, step.operation(), trace);
      case SUCCEEDS -> finish(subject + " " + step.operation(), told, OK);
      case FAILS -> finish(subject + " " + step.operation(), told, ERROR);
      case NOTES -> {}
    }
    switch (told.event()) {
      case Event.TaskStarted e -> begin(subject + " run", told, "run", trace);
      case Event.ExecStarted e -> begin(subject + " run", told, "run", trace);
      case Event.TaskExited e ->
          finish(subject + " run", told, e.payload().getStatus() == 0 ? OK : ERROR);
      case Event.ExecExited e ->
          finish(subject + " run", told, e.payload().getStatus() == 0 ? OK : ERROR);
      default -> {}
    }
  }

  private void begin(String key, Told told, String operation, String trace) {
    Open span = new Open(told, operation, trace);
    Open before = open.put(key, span);
    if (before != null) {
      bySequence.remove(before.from().sequence());
      span(before, told, Optional.of("an attempt that has no outcome"), 0);
    }
    bySequence.put(told.sequence(), span);
  }

  private void finish(String key, Told told, int status) {
    Open span = open.remove(key);
    if (span != null) {
      bySequence.remove(span.from().sequence());
      span(span, told, Optional.empty(), status);
    }
  }

  private void span(Open span, Told to, Optional<String> unfinished, int status) {
    Told from = span.from();
    String subject = from.envelope().subject();
    int slash = subject.indexOf('/');
    Map<String, Object> one = new LinkedHashMap<>();
    one.put("traceId", span.trace());
    one.put("spanId", spanId(from.sequence() + " " + span.operation()));
    one.put("name", span.operation() + " " + (slash < 0 ? subject : subject.substring(0, slash)));
    one.put("kind", from.envelope().requestId().isEmpty() ? INTERNAL : SERVER);
    one.put("startTimeUnixNano", nanos(from.envelope().wallNanos()));
    one.put(
        "endTimeUnixNano", nanos(Math.max(from.envelope().wallNanos(), to.envelope().wallNanos())));
    List<Object> attributes = new ArrayList<>(attributes(from));
    unfinished.ifPresent(why -> attributes.add(text("retainerd.open", why)));
    one.put("attributes", attributes);
    List<Object> events = new ArrayList<>();
    events.add(event(from));
    if (unfinished.isEmpty()) {
      events.add(event(to));
    }
    one.put("events", events);
    Open cause = bySequence.get(from.envelope().causedBySequence());
    if (cause != null) {
      one.put(
          "links",
          List.of(
              pair(
                  "traceId",
                  cause.trace(),
                  "spanId",
                  spanId(cause.from().sequence() + " " + cause.operation()))));
    }
    if (status == ERROR) {
      one.put("status", pair("code", ERROR, "message", to.sentence()));
    } else if (status == OK) {
      one.put("status", Map.of("code", OK));
    }
    write(one);
  }

  private static Map<String, Object> event(Told told) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("timeUnixNano", nanos(told.envelope().wallNanos()));
    event.put("name", told.type().title());
    event.put(
        "attributes",
        List.of(number("retainerd.sequence", told.sequence()), text("message", told.sentence())));
    return event;
  }

  @Override
  public void end() {
    for (Open span : open.values()) {
      span(span, last.orElseThrow(), Optional.of("no outcome when the history ends"), 0);
    }
    super.end();
  }
}
