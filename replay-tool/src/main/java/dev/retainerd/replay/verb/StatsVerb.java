package dev.retainerd.replay.verb;

import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;

/** {@code rewind stats}: rates, sizes, durations. */
@Command(name = "stats", description = "rates, sizes, durations of operations, restarts")
public final class StatsVerb extends Verb {
  private long events;
  private long bytes;
  private Told first;
  private Told last;
  private final Map<EventType, long[]> types = new EnumMap<>(EventType.class);

  /** Open intents: bounded by what can be under way at a time. */
  private final Map<String, Told> open = new HashMap<>();

  private final Map<String, Durations> operations = new TreeMap<>();

  @Override
  protected int run(History history) {
    history.each(
        1,
        told -> {
          take(told);
          return true;
        });
    if (events == 0) {
      throw new LookFailure("the log holds no event yet");
    }
    if (json) {
      printJson(tree());
    } else {
      print();
    }
    return HOLDS;
  }

  private void take(Told told) {
    events++;
    bytes += told.envelope().payloadLength();
    first = first == null ? told : first;
    last = told;
    long[] count = types.computeIfAbsent(told.type(), t -> new long[2]);
    count[0]++;
    count[1] += told.envelope().payloadLength();
    Step step = Step.of(told.type());
    String subject = told.envelope().subject();
    String key = told.envelope().namespace() + " " + subject + " " + step.operation();
    switch (step.role()) {
      case OPENS -> open.put(key, told);
      case SUCCEEDS -> close(key, subject, step, told, true);
      case FAILS -> close(key, subject, step, told, false);
      case NOTES -> {}
    }
  }

  private void close(String key, String subject, Step step, Told told, boolean good) {
    Told intent = open.remove(key);
    if (intent == null) {
      return;
    }
    int slash = subject.indexOf('/');
    String name = step.operation() + " " + (slash < 0 ? subject : subject.substring(0, slash));
    operations
        .computeIfAbsent(name, n -> new Durations())
        .add(
            told.envelope().wallNanos() - intent.envelope().wallNanos(),
            subject,
            told.sequence(),
            good);
  }

  private void print() {
    Duration span = Duration.between(first.time(), last.time());
    println(
        events
            + " events, "
            + Phrases.bytes(bytes)
            + " of payload, from "
            + time(first.time())
            + " to "
            + time(last.time())
            + " ("
            + Phrases.duration(span.toNanos())
            + ")");
    println(
        "daemon starts: "
            + count(EventType.DAEMON_STARTED)
            + ", clean stops: "
            + count(EventType.DAEMON_STOPPING)
            + ", shims lost: "
            + count(EventType.SHIM_LOST)
            + ", out of memory: "
            + count(EventType.TASK_OOM));
    println("");
    Columns durations =
        new Columns("OPERATION", "COUNT", "FAILED", "P50", "P95", "P99", "MAX", "SLOWEST", "EVENT");
    operations.forEach(
        (name, d) ->
            durations.row(
                name,
                d.count,
                d.failed,
                Phrases.duration(d.percentile(0.50)),
                Phrases.duration(d.percentile(0.95)),
                Phrases.duration(d.percentile(0.99)),
                Phrases.duration(d.max),
                d.slowest,
                d.slowestSequence));
    durations.print(out());
    println("");
    Columns counts = new Columns("TYPE", "COUNT", "BYTES");
    types.forEach((type, n) -> counts.row(type.title(), n[0], Phrases.bytes(n[1])));
    counts.print(out());
  }

  private long count(EventType type) {
    return types.getOrDefault(type, new long[2])[0];
  }

  private Map<String, Object> tree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("events", events);
    tree.put("payloadBytes", bytes);
    tree.put("from", first.time().toString());
    tree.put("to", last.time().toString());
    Map<String, Object> byType = new LinkedHashMap<>();
    types.forEach((type, n) -> byType.put(type.title(), n[0]));
    tree.put("types", byType);
    List<Object> list = new ArrayList<>();
    operations.forEach(
        (name, d) -> {
          Map<String, Object> one = new LinkedHashMap<>();
          one.put("operation", name);
          one.put("count", d.count);
          one.put("failed", d.failed);
          one.put("p50Nanos", d.percentile(0.50));
          one.put("p95Nanos", d.percentile(0.95));
          one.put("p99Nanos", d.percentile(0.99));
          one.put("maxNanos", d.max);
          one.put("slowest", d.slowest);
          one.put("slowestSequence", d.slowestSequence);
          list.add(one);
        });
    tree.put("operations", list);
    return tree;
  }

  /** Durations in buckets that are 5 % wide, so that any number of them takes the same room. */
  private static final class Durations {
    private static final double WIDTH = Math.log(1.05);
    private final TreeMap<Integer, Long> buckets = new TreeMap<>();
    private long count;
    private long failed;
    private long max;
    private String slowest = "";
    private long slowestSequence;

    void add(long nanos, String subject, long sequence, boolean good) {
      long positive = Math.max(1, nanos);
      count++;
      failed += good ? 0 : 1;
      buckets.merge((int) Math.ceil(Math.log(positive) / WIDTH), 1L, Long::sum);
      if (positive > max) {
        max = positive;
        slowest = subject;
        slowestSequence = sequence;
      }
    }

    long percentile(double share) {
      long wanted = (long) Math.ceil(share * count);
      long seen = 0;
      for (Map.Entry<Integer, Long> bucket : buckets.entrySet()) {
        seen += bucket.getValue();
        if (seen >= wanted) {
          return Math.min(max, (long) Math.exp(bucket.getKey() * WIDTH));
        }
      }
      return max;
    }
  }
}
