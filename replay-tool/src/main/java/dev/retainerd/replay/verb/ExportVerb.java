package dev.retainerd.replay.verb;

import dev.retainerd.replay.evidence.StretchCheck;
import dev.retainerd.replay.export.CloudEventsFormat;
import dev.retainerd.replay.export.CsvFormat;
import dev.retainerd.replay.export.Format;
import dev.retainerd.replay.export.HtmlFormat;
import dev.retainerd.replay.export.JsonLinesFormat;
import dev.retainerd.replay.export.OtlpLogsFormat;
import dev.retainerd.replay.export.OtlpSpansFormat;
import dev.retainerd.replay.export.PerfettoFormat;
import dev.retainerd.replay.export.TimesketchFormat;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind export}: the history for other tools, and for people. */
@Command(name = "export", description = "write the history in another format")
public final class ExportVerb extends Verb {
  @Option(
      names = "--format",
      required = true,
      paramLabel = "FORMAT",
      description = "jsonl, csv, cloudevents, otlp-logs, otlp-spans, timesketch, perfetto, html")
  String format;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "where to (default: standard output)")
  Path output;

  @Option(names = "--from", paramLabel = "SEQ|TIME", description = "first event")
  String from = "0";

  @Option(names = "--to", paramLabel = "SEQ|TIME", description = "last event")
  String to = "end";

  @Option(
      names = "--verify-all",
      description =
          "html: verify the whole history for the line on top of the page, not only the events that"
              + " are on it")
  boolean verifyAll;

  @Override
  protected int run(History history) throws IOException {
    if (output == null) {
      write(history, out());
      return HOLDS;
    }
    try (OutputFile file = OutputFile.create(output, history.source());
        PrintStream stream = new PrintStream(file.stream(), false, StandardCharsets.UTF_8)) {
      write(history, stream);
      if (stream.checkError()) {
        throw new LookFailure(output + " could not be written to its end");
      }
      file.commit();
    }
    return HOLDS;
  }

  private void write(History history, PrintStream stream) {
    Point first = point(from);
    Point last = point(to);
    long start = start(history, first);
    Format writer = format(history, stream, start, last);
    writer.begin();
    history.each(
        start,
        told -> {
          boolean begun = !(first instanceof Point.Moment m) || !told.time().isBefore(m.time());
          if (begun && last.covers(told)) {
            writer.add(told);
          }
          return last.covers(told);
        });
    writer.end();
  }

  private HtmlFormat page(History history, PrintStream stream, long start, Point last) {
    boolean whole = verifyAll || from.equals("0") && to.equals("end");
    EventSource source = history.source();
    StretchCheck checked =
        whole
            ? StretchCheck.of(source, 1, Long.MAX_VALUE)
            : StretchCheck.of(source, start, history.last(last));
    return new HtmlFormat(stream, source.nodeId(), source, checked, whole, before(history, start));
  }

  /** The state before the page's first event; empty where nothing tells. */
  private static Optional<NodeState> before(History history, long start) {
    if (start <= 1) {
      return Optional.of(NodeState.inMemory());
    }
    if (!history.source().dense()) {
      return Optional.empty();
    }
    try {
      Replay replay = new Replay(Verb::note).fromSnapshots();
      replay.upTo(history, new Point.Sequence(start - 1));
      return Optional.of(replay.state());
    } catch (LookFailure unknown) {
      note(unknown.getMessage());
      return Optional.empty();
    }
  }

  private Format format(History history, PrintStream stream, long start, Point last) {
    EventJson trees = new EventJson(showSecrets);
    String node = history.source().nodeId();
    return switch (format) {
      case "jsonl" -> new JsonLinesFormat(stream, trees::tree);
      case "csv" -> new CsvFormat(stream);
      case "cloudevents" -> new CloudEventsFormat(stream, trees::tree, node);
      case "timesketch" -> new TimesketchFormat(stream);
      case "otlp-logs" -> new OtlpLogsFormat(stream, node, Version.text());
      case "otlp-spans" -> new OtlpSpansFormat(stream, node, Version.text());
      case "perfetto" -> new PerfettoFormat(stream);
      case "html" -> page(history, stream, start, last);
      default ->
          throw new LookFailure(
              "there is no format \""
                  + format
                  + "\": take jsonl, csv, cloudevents, otlp-logs, otlp-spans, timesketch, perfetto"
                  + " or html");
    };
  }
}
