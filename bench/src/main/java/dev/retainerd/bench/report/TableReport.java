package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/**
 * The table on the terminal: a line for each metric, and for each target its median, p90 and p99.
 * The ratio is the first target against the second: below 1.00 the first is the better one, also
 * where more is better. Behind it stands its 95 % interval.
 */
public final class TableReport {
  private TableReport() {}

  /** Prints one stage. */
  public static void print(PrintStream out, StageResult stage) {
    List<List<String>> rows = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("", ""));
    List<String> under = new ArrayList<>(List.of("metric", "unit"));
    for (Measurement one : stage.measurements()) {
      head.addAll(List.of(one.target(), "", ""));
      under.addAll(List.of("median", "p90", "p99"));
    }
    head.addAll(List.of("", ""));
    under.addAll(List.of("ratio", "95 %"));
    rows.add(under);
    for (Metric metric : stage.metrics()) {
      rows.add(row(stage, metric));
    }
    int[] widths = widths(rows);
    out.println();
    out.println(stage.name() + ": " + stage.title());
    out.println(targets(stage, widths));
    rows.forEach(row -> out.println(padded(row, widths)));
  }

  private static List<String> row(StageResult stage, Metric metric) {
    List<String> row = new ArrayList<>(List.of(metric.name(), metric.unit().symbol()));
    for (Measurement one : stage.measurements()) {
      Samples samples = one.samples().get(metric);
      for (double share : new double[] {0.5, 0.9, 0.99}) {
        boolean shown = samples != null && (share == 0.5 || samples.count() > 1);
        row.add(shown ? Numbers.of(samples.quantile(share)) : "-");
      }
    }
    row.add(stage.ratio(metric).map(Numbers::ratio).orElse("-"));
    row.add(stage.ratio(metric).map(Numbers::interval).orElse(""));
    return row;
  }

  /** The names of the targets, each over its three columns. */
  private static String targets(StageResult stage, int[] widths) {
    StringBuilder line = new StringBuilder(" ".repeat(widths[0] + widths[1] + 2));
    int column = 2;
    for (Measurement one : stage.measurements()) {
      int width = widths[column] + widths[column + 1] + widths[column + 2] + 6;
      String name = one.target();
      line.append(" ".repeat(Math.max(1, width - name.length()))).append(name);
      column += 3;
    }
    return line.toString();
  }

  private static int[] widths(List<List<String>> rows) {
    int[] widths = new int[rows.getFirst().size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    return widths;
  }

  private static String padded(List<String> row, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String space = " ".repeat(widths[i] - row.get(i).length());
      line.append(i < 2 ? row.get(i) + space : space + row.get(i)).append("  ");
    }
    return line.toString().stripTrailing();
  }

  /** Prints what a fault did. */
  public static void print(PrintStream out, FaultResult fault) {
    out.println();
    out.println(fault.name() + " on " + fault.target() + ": " + fault.title());
    out.println(
        "  longest silence of a list "
            + Numbers.of(fault.silentMillis())
            + " ms, all well again after "
            + Numbers.of(fault.recoveredMillis())
            + " ms");
    out.println("  lost: " + (fault.lost().isEmpty() ? "nothing" : fault.lost().getFirst()));
    fault.lost().stream().skip(1).forEach(lost -> out.println("        " + lost));
    fault.noted().forEach(noted -> out.println("  noted: " + noted));
  }
}
