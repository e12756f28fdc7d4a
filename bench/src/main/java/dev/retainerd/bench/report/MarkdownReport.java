package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Ratio;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The same tables as Markdown, for a document. */
public final class MarkdownReport {
  private MarkdownReport() {}

  /** The document, without a title of its own. */
  public static String write(RunResult run) {
    StringBuilder text = new StringBuilder();
    text.append(
        run.machine().entrySet().stream()
            .map(fact -> fact.getKey() + " " + fact.getValue())
            .collect(Collectors.joining(", ", "Machine: ", ".\n")));
    text.append(
        run.versions().entrySet().stream()
            .map(fact -> fact.getKey() + ": " + fact.getValue())
            .collect(Collectors.joining("; ", "Versions: ", ".\n")));
    text.append(String.format(Locale.ROOT, "Run of %s, %.0f s.\n", run.startedAt(), run.seconds()));
    run.stages().forEach(stage -> stage(text, stage));
    if (!run.faults().isEmpty()) {
      faults(text, run.faults());
    }
    return text.toString();
  }

  private static void stage(StringBuilder text, StageResult stage) {
    List<String> head = new ArrayList<>(List.of("**" + stage.name() + "**: " + stage.title()));
    stage.measurements().forEach(one -> head.add(one.target()));
    boolean compared = stage.metrics().stream().anyMatch(m -> stage.ratio(m).isPresent());
    if (compared) {
      head.add("ratio (95 %)");
    }
    text.append("\n").append(line(head));
    text.append("|---".repeat(head.size())).append("|\n");
    for (Metric metric : stage.metrics()) {
      List<String> row = new ArrayList<>(List.of(metric.name() + ", " + metric.unit().symbol()));
      stage.measurements().forEach(one -> row.add(cell(one.samples().get(metric))));
      if (compared) {
        row.add(stage.ratio(metric).map(MarkdownReport::ratio).orElse("-"));
      }
      text.append(line(row));
    }
    for (Measurement one : stage.measurements()) {
      for (Curve curve : one.curves()) {
        text.append("\n").append(one.target()).append(", ").append(curve.name());
        text.append(" over ").append(curve.across()).append(": ");
        text.append(
            curve.points().stream()
                .map(point -> Numbers.of(point[0]) + ": " + Numbers.of(point[1]))
                .collect(Collectors.joining(", ", "", "\n")));
      }
    }
  }

  private static String cell(Samples samples) {
    if (samples == null) {
      return "-";
    }
    return samples.count() == 1
        ? Numbers.of(samples.median())
        : Numbers.of(samples.median())
            + " ("
            + Numbers.of(samples.quantile(0.9))
            + ", "
            + Numbers.of(samples.quantile(0.99))
            + ")";
  }

  private static String ratio(Ratio ratio) {
    return Numbers.ratio(ratio) + (ratio.hasInterval() ? " (" + Numbers.interval(ratio) + ")" : "");
  }

  private static void faults(StringBuilder text, List<FaultResult> faults) {
    text.append("\n| fault, under load | runtime | silent, ms | well again, ms | lost | noted |\n");
    text.append("|---|---|---|---|---|---|\n");
    for (FaultResult fault : faults) {
      text.append(
          line(
              List.of(
                  "**" + fault.name() + "**: " + fault.title(),
                  fault.target(),
                  Numbers.of(fault.silentMillis()),
                  Numbers.of(fault.recoveredMillis()),
                  fault.lost().isEmpty() ? "nothing" : String.join("; ", fault.lost()),
                  String.join("; ", fault.noted()))));
    }
  }

  private static String line(List<String> cells) {
    return cells.stream()
        .map(cell -> cell.replace("|", "\\|"))
        .collect(Collectors.joining(" | ", "| ", " |\n"));
  }
}
