package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One verb of rewind, on one log. An instance serves one run. */
public abstract class Verb implements Callable<Integer> {
  /** It holds. */
  public static final int HOLDS = 0;

  /** It does not hold. */
  public static final int DOES_NOT_HOLD = 1;

  @Parameters(index = "0", paramLabel = "DIR", description = "folder of a log, or daemon's root")
  Path folder;

  @Option(names = "--json", description = "print JSON")
  boolean json;

  @Option(
      names = "--show-secrets",
      description = "print values that may be secret in clear: env, args, annotations")
  boolean showSecrets;

  @Option(
      names = "--zone",
      paramLabel = "ZONE",
      description = "time zone, such as Europe/Vienna or local (default UTC)")
  String zone = "UTC";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show help")
  boolean help;

  private PrintStream out = System.out;

  /** Where it prints; before it runs. */
  public void printTo(PrintStream stream) {
    this.out = stream;
  }

  protected final PrintStream out() {
    return out;
  }

  @Override
  public final Integer call() throws Exception {
    int code = run(History.open(folder, Verb::note));
    out.flush();
    return code;
  }

  /** Does it and returns the exit status. */
  protected abstract int run(History history) throws Exception;

  /** Something beside the answer that the operator should know. */
  protected static void note(String sentence) {
    System.err.println("rewind: note: " + sentence);
  }

  protected final String time(Instant instant) {
    ZoneId id =
        zone.equals("UTC")
            ? ZoneOffset.UTC
            : zone.equals("local") ? ZoneId.systemDefault() : ZoneId.of(zone);
    return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
        instant.truncatedTo(java.time.temporal.ChronoUnit.MICROS).atZone(id));
  }

  protected final void println(String line) {
    out.println(line);
  }
}
