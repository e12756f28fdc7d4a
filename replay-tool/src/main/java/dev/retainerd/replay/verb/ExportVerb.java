package dev.retainerd.replay.verb;

import dev.retainerd.replay.export.CloudEventsFormat;
import dev.retainerd.replay.export.CsvFormat;
import dev.retainerd.replay.export.Format;
import dev.retainerd.replay.export.HtmlFormat;
import dev.retainerd.replay.export.JsonLinesFormat;
import dev.retainerd.replay.export.OtlpLogsFormat;
import dev.retainerd.replay.export.OtlpSpansFormat;
import dev.retainerd.replay.export.PerfettoFormat;
import dev.retainerd.replay.export.TimesketchFormat;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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
    Format writer = format(history, stream);
    writer.begin();
    history.each(
        start(history, first),
        told -> {
          boolean begun = !(first instanceof Point.Moment m) || !told.time().isBefore(m.time());
          if (begun && last.covers(told)) {
            writer.add(told);
          }
          return last.covers(told);
        });
    writer.end();
  }

  private Format format(History history, PrintStream stream) {
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
      case "html" -> new HtmlFormat(stream, node, history.source());
      default ->
          throw new LookFailure(
              "there is no format \""
                  + format
                  + "\": take jsonl, csv, cloudevents, otlp-logs, otlp-spans, timesketch, perfetto"
                  + " or html");
    };
  }
}
