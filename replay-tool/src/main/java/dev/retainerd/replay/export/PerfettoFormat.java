package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open: a pod is a group of
 * tracks, a container a track, an operation or a run a slice, everything else a mark, and what an
 * event was caused by a flow.
 */
public final class PerfettoFormat implements Format {
  private static final int NODE_GROUP = 1;

  private final PrintStream out;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();
  private final Map<String, Integer> groups = new HashMap<>();
  private final Map<String, Integer> tracks = new HashMap<>();
  private final Map<String, String> podOf = new HashMap<>();
  private final Map<String, Told> open = new HashMap<>();
  private boolean first = true;

  public PerfettoFormat(PrintStream out) {
    this.out = out;
  }

  @Override
  public void begin() {
    out.print("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    name("process_name", NODE_GROUP, 0, "node");
  }

  @Override
  public void add(Told told) {
    switch (told.event()) {
      case Event.ContainerCreating e -> belongs(e.payload().getContainer());
      case Event.ContainerCreated e -> belongs(e.payload().getContainer());
      default -> {}
    }
    String subject = told.envelope().subject();
    String id = id(subject);
    int group = group(podOf.getOrDefault(id, subject.startsWith("sandbox/") ? id : ""));
    int track = track(group, id.isEmpty() ? "daemon" : id, subject);
    Step step = Step.of(told.type());
    String key = subject + " " + step.operation();
    switch (step.role()) {
      case OPENS -> open.put(key, told);
      case SUCCEEDS, FAILS -> {
        Told intent = open.remove(key);
        if (intent == null) {
          mark(told, group, track);
        } else {
          slice(step.operation(), intent, told, group, track);
        }
      }
      case NOTES -> mark(told, group, track);
    }
    run(told, subject, group, track);
  }

  private void run(Told told, String subject, int group, int track) {
    switch (told.event()) {
      case Event.TaskStarted e -> open.put(subject + " run", told);
      case Event.TaskExited e -> {
        Told start = open.remove(subject + " run");
        if (start != null) {
          slice("run", start, told, group, track);
        }
      }
      default -> {}
    }
  }

  @Override
  public void end() {
    open.forEach(
        (key, told) -> {
          String subject = told.envelope().subject();
          String id = id(subject);
          int group = group(podOf.getOrDefault(id, subject.startsWith("sandbox/") ? id : ""));
          mark(told, group, track(group, id.isEmpty() ? "daemon" : id, subject));
        });
    out.println("]}");
  }

  private void belongs(ContainerRecord container) {
    String pod = container.getCri().getSandboxId();
    if (!pod.isEmpty()) {
      podOf.put(container.getId(), pod);
    }
  }

  private static String id(String subject) {
    String[] parts = subject.split("/", 3);
    return parts.length < 2 ? "" : subject.startsWith("image/") ? subject : parts[1];
  }

  private int group(String pod) {
    if (pod.isEmpty()) {
      return NODE_GROUP;
    }
    Integer known = groups.get(pod);
    if (known != null) {
      return known;
    }
    int number = NODE_GROUP + 1 + groups.size();
    groups.put(pod, number);
    name("process_name", number, 0, "pod " + Phrases.shortId(pod));
    return number;
  }

  private int track(int group, String id, String subject) {
    Integer known = tracks.get(group + " " + id);
    if (known != null) {
      return known;
    }
    int number = tracks.size() + 1;
    tracks.put(group + " " + id, number);
    String kind = subject.indexOf('/') < 0 ? "" : subject.substring(0, subject.indexOf('/')) + " ";
    name("thread_name", group, number, kind + Phrases.shortId(id));
    return number;
  }

  private void name(String what, int group, int track, String name) {
    Map<String, Object> event = event("M", what, group, track);
    event.put("args", Map.of("name", name));
    write(event);
  }

  private void slice(String name, Told from, Told to, int group, int track) {
    Map<String, Object> event = event("X", name, group, track);
    event.put("ts", from.envelope().wallNanos() / 1_000.0);
    event.put(
        "dur", Math.max(0, to.envelope().wallNanos() - from.envelope().wallNanos()) / 1_000.0);
    event.put("args", arguments(to));
    write(event);
    flow(to, group, track);
  }

  private void mark(Told told, int group, int track) {
    Map<String, Object> event = event("i", told.type().title(), group, track);
    event.put("ts", told.envelope().wallNanos() / 1_000.0);
    event.put("s", "t");
    event.put("args", arguments(told));
    write(event);
    flow(told, group, track);
  }

  private void flow(Told told, int group, int track) {
    Map<String, Object> start = event("s", "cause", group, track);
    start.put("id", told.sequence());
    start.put("ts", told.envelope().wallNanos() / 1_000.0);
    long cause = told.envelope().causedBySequence();
    if (cause > 0) {
      Map<String, Object> finish = event("f", "cause", group, track);
      finish.put("id", cause);
      finish.put("bp", "e");
      finish.put("ts", told.envelope().wallNanos() / 1_000.0);
      write(finish);
    }
    write(start);
  }

  private static Map<String, Object> event(String phase, String name, int group, int track) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("ph", phase);
    event.put("name", name);
    event.put("cat", "retainerd");
    event.put("pid", group);
    event.put("tid", track);
    return event;
  }

  private static Map<String, Object> arguments(Told told) {
    Map<String, Object> arguments = new LinkedHashMap<>();
    arguments.put("sequence", told.sequence());
    arguments.put("sentence", told.sentence());
    arguments.put("by", told.by());
    return arguments;
  }

  private void write(Map<String, Object> event) {
    out.print(first ? "\n" : ",\n");
    first = false;
    out.print(gson.toJson(event));
  }
}
