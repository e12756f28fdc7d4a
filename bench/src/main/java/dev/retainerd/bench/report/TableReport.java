package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Samples;
import java.io.PrintStream;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The table on the terminal: a line for each phase, and for each target its median and p90 in
 * milliseconds. The last column is the first target's median divided by the second's: below 1.00
 * the first is faster.
 */
public final class TableReport {
  private static final double P90 = 0.9;

  private TableReport() {}

  /** Prints {@code measurements}, in their order, under {@code title}. */
  public static void print(PrintStream out, String title, List<Measurement> measurements) {
    out.println();
    out.println(title);
    StringBuilder head = new StringBuilder(String.format("%-18s", "ms"));
    for (Measurement one : measurements) {
      head.append(String.format("%22s", one.target() + " (p90)"));
    }
    if (measurements.size() > 1) {
      head.append(String.format("%10s", "ratio"));
    }
    out.println(head);
    Set<String> phases = new LinkedHashSet<>();
    measurements.forEach(one -> phases.addAll(one.phases().keySet()));
    for (String phase : phases) {
      out.println(line(phase, measurements));
    }
  }

  private static String line(String phase, List<Measurement> measurements) {
    StringBuilder line = new StringBuilder(String.format("%-18s", phase));
    for (Measurement one : measurements) {
      Samples samples = one.phases().get(phase);
      line.append(
          String.format(
              "%22s",
              samples == null
                  ? "-"
                  : String.format(
                      Locale.ROOT,
                      "%.1f (%.1f)",
                      samples.medianMillis(),
                      samples.quantileMillis(P90))));
    }
    if (measurements.size() > 1) {
      Samples first = measurements.get(0).phases().get(phase);
      Samples second = measurements.get(1).phases().get(phase);
      boolean both = first != null && second != null && second.medianMillis() > 0;
      line.append(
          both
              ? String.format(Locale.ROOT, "%10.2f", first.medianMillis() / second.medianMillis())
              : String.format("%10s", "-"));
    }
    return line.toString();
  }
}
