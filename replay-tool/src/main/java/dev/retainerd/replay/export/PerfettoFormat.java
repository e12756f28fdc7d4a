package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.IntSupplier;

/**
 * Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open: a pod is a group of
 * tracks, a container a track, an operation or a run a slice, everything else a mark, and what an
 * event was caused by a flow. Times are whole microseconds, since they travel as doubles.
 *
 * <p>Each track's slices are disjoint (see {@link Lanes}), and both ends of a flow lie within a
 * slice or at a mark: viewers leave out what is not so.
 */
public final class PerfettoFormat implements Format {
  /** Causes that lie further back than so many events are not drawn. */
  private static final int CAUSES_KEPT = 1 << 16;

  private static final String OF_NODE = "node";

  /** A slice that has begun. */
  private record Begun(Told told, Lanes.Lane lane) {}

  /** Where a flow can begin or end: on which lane, and at which microsecond. */
  private record Anchor(Lanes.Lane lane, long micros) {}

  private final PrintStream out;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();
  private final Owners owners = new Owners();
  private final Map<String, Integer> groups = new HashMap<>();

  /** By owner, then by thing: an owner's are forgotten with it. */
  private final Map<String, Map<String, Lanes>> lanes = new HashMap<>();

  private final Map<String, Begun> open = new LinkedHashMap<>();

  /** A ring, by sequence: nothing is allocated that would outlive many events. */
  private final long[] anchored = new long[CAUSES_KEPT];

  private final long[] anchorMicros = new long[CAUSES_KEPT];
  private final Lanes.Lane[] anchorLanes = new Lanes.Lane[CAUSES_KEPT];
  private int numbers;
  private long lastMicros;
  private boolean first = true;

  public PerfettoFormat(PrintStream out) {
    this.out = out;
  }

  @Override
  public void begin() {
    out.print("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
  }

  @Override
  public void add(Told told) {
    owners.learn(told);
    String subject = told.envelope().subject();
    String owner = owner(told);
    String id = Owners.id(subject);
    Lanes here = lanes(owner, id.isEmpty() ? "daemon" : id, kind(subject));
    lastMicros = Math.max(lastMicros, micros(told));
    Step step = Step.of(told.type());
    String key = subject + " " + step.operation();
    switch (step.role()) {
      case OPENS -> opens(key, told, here);
      case SUCCEEDS, FAILS -> {
        Begun begun = open.remove(key);
        if (begun == null) {
          mark(told, lane(here, Lanes::first));
        } else {
          slice(step.operation(), begun, told);
        }
      }
      case NOTES -> mark(told, lane(here, Lanes::first));
    }
    run(told, subject, owner, id);
    forget(told, owner, id);
  }

  /** An image, a snapshot and the like belong to the node, as the daemon itself. */
  private String owner(Told told) {
    String subject = told.envelope().subject();
    String id = Owners.id(subject);
    String owner = owners.of(told);
    return subject.startsWith("sandbox/") || !owner.equals(id) ? owner : OF_NODE;
  }

  private static String kind(String subject) {
    String kind = subject.indexOf('/') < 0 ? "" : subject.substring(0, subject.indexOf('/')) + " ";
    return kind.equals("task ") || kind.equals("exec ") ? "container " : kind;
  }

  private void opens(String key, Told told, Lanes here) {
    Begun left = open.remove(key);
    if (left != null) {
      unfinished(left);
    }
    long at = micros(told);
    Lanes.Lane lane = lane(here, (all, next) -> all.take(at, next));
    open.put(key, new Begun(told, lane));
    flow(told, within(lane, told));
  }

  private void run(Told told, String subject, String owner, String id) {
    switch (told.event()) {
      case Event.TaskStarted e -> {
        Lanes runs = lanes(owner, id + " runs", "container ");
        Lanes.Lane lane = lane(runs, (all, next) -> all.take(micros(told), next));
        Begun left = open.put(subject + " run", new Begun(told, lane));
        if (left != null) {
          unfinished(left);
        }
      }
      case Event.TaskExited e -> {
        Begun begun = open.remove(subject + " run");
        if (begun != null) {
          complete("run", begun, micros(told), arguments(told));
          begun.lane.free(Math.max(micros(begun.told), micros(told)));
        }
      }
      default -> {}
    }
  }

  private void forget(Told told, String owner, String id) {
    switch (told.event()) {
      case Event.ContainerRemoved e -> {
        lanes.getOrDefault(owner, Map.of()).remove(id);
        lanes.getOrDefault(owner, Map.of()).remove(id + " runs");
      }
      case Event.SnapshotRemoved e -> lanes.getOrDefault(owner, Map.of()).remove(id);
      case Event.ImageDeleted e -> lanes.getOrDefault(owner, Map.of()).remove(id);
      case Event.SandboxRemoved e -> {
        lanes.remove(owner);
        groups.remove(owner);
      }
      default -> {}
    }
  }

  @Override
  public void end() {
    open.values().forEach(this::unfinished);
    out.println("]}");
  }

  /** What has no end in this history lasts until where it ends, and says so. */
  private void unfinished(Begun begun) {
    Map<String, Object> arguments = arguments(begun.told);
    arguments.put("end", "none in this history");
    String operation = Step.of(begun.told.type()).operation();
    boolean runs = begun.told.event() instanceof Event.TaskStarted;
    complete((runs ? "run" : operation) + " (no end)", begun, lastMicros, arguments);
    begun.lane.free(Math.max(micros(begun.told), lastMicros));
  }

  private int group(String owner) {
    Integer known = groups.get(owner);
    if (known != null) {
      return known;
    }
    int number = ++numbers;
    groups.put(owner, number);
    String name = owner.equals(OF_NODE) ? owner : "pod " + Phrases.shortId(owner);
    name("process_name", number, number, name);
    return number;
  }

  private Lanes lanes(String owner, String id, String kind) {
    int group = group(owner);
    return lanes
        .computeIfAbsent(owner, o -> new HashMap<>())
        .computeIfAbsent(id, i -> new Lanes(group, kind + shortName(id)));
  }

  private static String shortName(String id) {
    return id.endsWith(" runs")
        ? Phrases.shortId(id.substring(0, id.length() - " runs".length())) + " runs"
        : Phrases.shortId(id);
  }

  /** Takes a lane, and names it where it is new. */
  private Lanes.Lane lane(Lanes of, BiFunction<Lanes, IntSupplier, Lanes.Lane> how) {
    int before = of.count();
    Lanes.Lane lane = how.apply(of, () -> ++numbers);
    if (of.count() > before) {
      name("thread_name", lane.group, lane.track, lane.name);
    }
    return lane;
  }

  private static long micros(Told told) {
    return Math.floorDiv(told.envelope().wallNanos(), 1_000L);
  }

  private void name(String what, int group, int track, String name) {
    Map<String, Object> event = event("M", what, group, track);
    event.put("args", Map.of("name", name));
    write(event);
  }

  private void slice(String name, Begun begun, Told to) {
    Map<String, Object> arguments = arguments(to);
    arguments.put("begins", begun.told.sequence());
    long end = Math.max(micros(begun.told), micros(to));
    complete(name, begun, end, arguments);
    begun.lane.free(end);
    Anchor anchor = within(begun.lane, begun.told);
    if (to.envelope().causedBySequence() == begun.told.sequence()) {
      keep(to.sequence(), anchor);
    } else {
      flow(to, anchor);
    }
  }

  /** Behind the slice's begin: at that very time it might be sorted before it. */
  private static Anchor within(Lanes.Lane lane, Told begin) {
    return new Anchor(lane, micros(begin) + 1);
  }

  private void complete(String name, Begun begun, long end, Map<String, Object> arguments) {
    Map<String, Object> event = event("X", name, begun.lane.group, begun.lane.track);
    event.put("ts", micros(begun.told));
    event.put("dur", Math.max(0, end - micros(begun.told)));
    event.put("args", arguments);
    write(event);
  }

  private void mark(Told told, Lanes.Lane lane) {
    Map<String, Object> event = event("i", told.type().title(), lane.group, lane.track);
    event.put("ts", micros(told));
    event.put("s", "t");
    event.put("args", arguments(told));
    write(event);
    flow(told, new Anchor(lane, micros(told)));
  }

  /** From the cause of an event to it. Both ends are written now: viewers sort by time. */
  private void flow(Told told, Anchor to) {
    keep(told.sequence(), to);
    long cause = told.envelope().causedBySequence();
    int at = (int) (cause % CAUSES_KEPT);
    boolean known = cause > 0 && cause != told.sequence() && anchored[at] == cause;
    if (!known || anchorMicros[at] > to.micros) {
      return;
    }
    Lanes.Lane from = anchorLanes[at];
    if (from == to.lane && anchorMicros[at] == to.micros) {
      return;
    }
    Map<String, Object> start = event("s", "cause", from.group, from.track);
    start.put("id", told.sequence());
    start.put("ts", anchorMicros[at]);
    write(start);
    Map<String, Object> finish = event("f", "cause", to.lane.group, to.lane.track);
    finish.put("id", told.sequence());
    finish.put("bp", "e");
    finish.put("ts", to.micros);
    write(finish);
  }

  private void keep(long sequence, Anchor anchor) {
    int at = (int) (sequence % CAUSES_KEPT);
    anchored[at] = sequence;
    anchorMicros[at] = anchor.micros;
    anchorLanes[at] = anchor.lane;
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
