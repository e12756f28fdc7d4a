package dev.retainerd.replay.verb;

import com.google.gson.GsonBuilder;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.predicate.Predicate;
import dev.retainerd.replay.predicate.PredicateException;
import dev.retainerd.replay.predicate.PredicateParser;
import dev.retainerd.replay.source.Sources;
import java.io.PrintStream;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One verb of rewind, on one history. An instance serves one run. */
public abstract class Verb implements Callable<Integer> {
  /** It holds. */
  public static final int HOLDS = 0;

  /** It does not hold. */
  public static final int DOES_NOT_HOLD = 1;

  @Parameters(
      index = "0",
      paramLabel = "DIR",
      description =
          "folder of a log, daemon's root or archive, evidence file, or unix:SOCKET of a daemon")
  String where;

  @Option(names = "--json", description = "print JSON")
  boolean json;

  @Option(
      names = "--show-secrets",
      description = "print values that may be secret in clear: env, args, annotations")
  boolean showSecrets;

  @Option(
      names = "--zone",
      paramLabel = "ZONE",
      description =
          "time zone of times, read and printed: Europe/Vienna, +02:00, local (default UTC)")
  String zone = "UTC";

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      description = "auto (default: on a terminal, unless NO_COLOR is set), always, never")
  String color = "auto";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show help")
  boolean help;

  private PrintStream out = System.out;
  private Paint paint = new Paint(false);
  private DateTimeFormatter times = DateTimeFormatter.ISO_OFFSET_DATE_TIME;
  private ZoneId zoneId = ZoneOffset.UTC;

  /** Where it prints; before it runs. */
  public void printTo(PrintStream stream) {
    this.out = stream;
  }

  /** Prints as another verb was told to. */
  protected final void likeIn(Verb other) {
    json = other.json;
    where = other.where;
    paint = other.paint;
    times = other.times;
    zoneId = other.zoneId;
  }

  protected final PrintStream out() {
    return out;
  }

  protected final Paint paint() {
    return paint;
  }

  @Override
  public final Integer call() throws Exception {
    paint = Paint.when(color);
    zoneId = zone(zone);
    times = DateTimeFormatter.ISO_OFFSET_DATE_TIME.withZone(zoneId);
    try (EventSource source = Sources.open(where)) {
      if (!source.faults().isEmpty() && !looksAtFaults()) {
        throw new LookFailure(source.faults().getFirst() + "; see rewind open " + where);
      }
      History history = new History(source, Verb::note);
      int code = run(history);
      out.flush();
      if (code == HOLDS && history.gaps() > 0) {
        note("this answer has gaps, as said above: see rewind verify " + where);
        return DOES_NOT_HOLD;
      }
      return code;
    }
  }

  private static ZoneId zone(String name) {
    try {
      return name.equals("UTC")
          ? ZoneOffset.UTC
          : name.equals("local") ? ZoneId.systemDefault() : ZoneId.of(name);
    } catch (DateTimeException e) {
      throw new LookFailure(
          "there is no time zone \"" + name + "\": take one such as Europe/Vienna or +02:00", e);
    }
  }

  /** Does it and returns the exit status. */
  protected abstract int run(History history) throws Exception;

  /** Whether it tells by itself what is wrong with its source; any other verb refuses then. */
  protected boolean looksAtFaults() {
    return false;
  }

  /** Something beside the answer that the operator should know. */
  protected static void note(String sentence) {
    System.err.println("rewind: note: " + sentence);
  }

  /** Reads a point; local times are of the zone asked for. */
  protected final Point point(String text) {
    return Point.parse(text, Instant.now(), zoneId);
  }

  /**
   * Where to begin with reading to find all events from a point on: at the first of them, where a
   * look at the times of all is cheap.
   *
   * @throws LookFailure where there is none
   */
  protected final long start(History history, Point first) {
    if (history.source().folder().isEmpty() && first instanceof Point.Moment) {
      return 1;
    }
    long start = history.first(first);
    long last = history.lastSequence();
    if (start > 1 && start > last) {
      throw new LookFailure(
          first.words()
              + " lies behind the log's end: its last event is "
              + last
              + ofTime(history));
    }
    return start;
  }

  private String ofTime(History history) {
    return history.at(history.lastSequence()).map(told -> " of " + time(told.time())).orElse("");
  }

  /** Reads a predicate over events; empty for "". */
  protected static Optional<Predicate> where(String text) {
    try {
      Optional<Predicate> predicate =
          text.isBlank() ? Optional.empty() : Optional.of(PredicateParser.parse(text));
      if (predicate.isPresent() && predicate.get().needsState()) {
        throw new LookFailure("here a predicate can look at events only: " + text);
      }
      return predicate;
    } catch (PredicateException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  protected final String time(Instant instant) {
    return times.format(instant.truncatedTo(ChronoUnit.MICROS));
  }

  protected final void println(String line) {
    out.println(line);
  }

  /** Prints a tree as JSON, for people and programs. */
  protected final void printJson(Object tree) {
    println(new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(tree));
  }
}
