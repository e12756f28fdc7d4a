package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A run as one HTML file that asks no other for anything: tables, box plots, values over time and
 * memory over pods, in light and dark.
 */
public final class HtmlReport {
  private final RunResult run;
  private final StringBuilder page = new StringBuilder();

  private HtmlReport(RunResult run) {
    this.run = run;
  }

  /** The page. */
  public static String write(RunResult run) {
    return new HtmlReport(run).page();
  }

  private String page() {
    page.append("<!doctype html><html lang='en'><head><meta charset='utf-8'>");
    page.append("<meta name='viewport' content='width=device-width, initial-scale=1'>");
    page.append("<title>retain-bench</title><style>").append(style()).append("</style></head>");
    page.append("<body><main><h1>retain-bench</h1>");
    page.append("<p class='lead'>Runtimes in turns on one machine, ");
    page.append(Svg.escape(run.startedAt())).append(", ");
    page.append(Numbers.of(Math.rint(run.seconds()))).append(" s.</p>");
    facts();
    glance();
    run.stages().forEach(this::stage);
    if (!run.faults().isEmpty()) {
      faults();
    }
    return page.append("</main></body></html>\n").toString();
  }

  private void facts() {
    Map<String, String> all = new LinkedHashMap<>(run.machine());
    all.putAll(run.versions());
    page.append("<dl>");
    all.forEach(
        (name, value) ->
            page.append("<div><dt>")
                .append(Svg.escape(name))
                .append("</dt><dd>")
                .append(Svg.escape(value))
                .append("</dd></div>"));
    page.append("</dl>");
  }

  private void glance() {
    Forest forest = new Forest(run.stages());
    if (forest.isEmpty()) {
      return;
    }
    List<Measurement> sides = run.stages().getFirst().measurements();
    page.append("<section><h2>At a glance</h2><p>Ratio of the medians with its 95 % interval; ");
    page.append("rates are turned over, so that left of 1 the first runtime is better. ");
    page.append(
        "Grey: no difference to be told from noise, or too few samples to tell.</p><div class='chart'>");
    page.append(forest.draw(sides.get(0).target(), sides.get(1).target()));
    page.append("</div></section>");
  }

  private void stage(StageResult stage) {
    page.append("<section><h2>").append(Svg.escape(stage.name())).append("</h2><p>");
    page.append(Svg.escape(stage.title())).append("</p><div class='chart'><table><thead><tr>");
    page.append("<th>metric</th><th>target</th><th class='n'>median</th><th class='n'>p90</th>");
    page.append("<th class='n'>p99</th><th>distribution</th><th class='n'>ratio</th></tr></thead>");
    for (Metric metric : stage.metrics()) {
      metric(stage, metric);
    }
    page.append("</table></div>");
    overTime(stage);
    curves(stage);
    page.append("</section>");
  }

  private void metric(StageResult stage, Metric metric) {
    BoxPlot plot =
        new BoxPlot(
            metric,
            stage.measurements().stream()
                .map(one -> one.samples().get(metric))
                .filter(Objects::nonNull)
                .toList());
    page.append("<tbody>");
    boolean first = true;
    for (Measurement one : stage.measurements()) {
      Samples samples = one.samples().get(metric);
      if (samples == null) {
        continue;
      }
      page.append("<tr><td>");
      if (first) {
        page.append("<b>").append(Svg.escape(metric.name())).append("</b> <i>");
        page.append(Svg.escape(metric.unit().symbol())).append("</i>");
      }
      int colour = colour(stage, one);
      page.append("</td><td><span class='key s").append(colour).append("'></span>");
      page.append(Svg.escape(one.target())).append("</td>");
      for (double share : new double[] {0.5, 0.9, 0.99}) {
        boolean shown = share == 0.5 || samples.count() > 1;
        page.append("<td class='n'>");
        page.append(shown ? Numbers.of(samples.quantile(share)) : "").append("</td>");
      }
      page.append("<td>").append(plot.row(samples, colour)).append("</td><td class='n'>");
      if (first) {
        stage
            .ratio(metric)
            .ifPresent(
                ratio ->
                    page.append("<b>")
                        .append(Numbers.ratio(ratio))
                        .append("</b><br/><small>")
                        .append(Numbers.interval(ratio))
                        .append("</small>"));
      }
      page.append("</td></tr>");
      first = false;
    }
    page.append("</tbody>");
  }

  /** Floors are grey, whatever they are; runtimes have a colour each. */
  private static int colour(StageResult stage, Measurement one) {
    return one.floor() ? 2 : Math.min(stage.measurements().indexOf(one), 1) == 0 ? 0 : 1;
  }

  private void overTime(StageResult stage) {
    Metric shown =
        stage.metrics().stream()
            .filter(metric -> metric.name().equals("total"))
            .findFirst()
            .orElse(stage.metrics().iterator().next());
    LineChart chart = new LineChart("sample", shown.name() + ", " + shown.unit().symbol());
    boolean enough = false;
    for (Measurement one : stage.measurements()) {
      Samples samples = one.samples().get(shown);
      if (samples != null && samples.count() > 1) {
        enough = true;
        List<double[]> points = new ArrayList<>();
        double[] values = samples.values();
        for (int i = 0; i < values.length; i++) {
          points.add(new double[] {i + 1, values[i]});
        }
        chart.add(one.target(), colour(stage, one), false, points);
      }
    }
    if (enough) {
      page.append("<h3>Over time</h3><div class='chart'>").append(chart.draw()).append("</div>");
    }
  }

  private void curves(StageResult stage) {
    Measurement first = stage.measurements().getFirst();
    if (first.curves().isEmpty()) {
      return;
    }
    Curve axes = first.curves().getFirst();
    LineChart chart = new LineChart(axes.across(), axes.up());
    for (Measurement one : stage.measurements()) {
      for (int i = 0; i < one.curves().size(); i++) {
        Curve curve = one.curves().get(i);
        chart.add(one.target() + ", " + curve.name(), colour(stage, one), i > 0, curve.points());
      }
    }
    page.append("<h3>Memory</h3><div class='chart'>").append(chart.draw()).append("</div>");
  }

  private void faults() {
    page.append("<section><h2>Faults under load</h2><div class='chart'><table><thead><tr>");
    page.append("<th>fault</th><th>target</th><th class='n'>silent, ms</th>");
    page.append("<th class='n'>well again, ms</th><th>lost</th><th>noted</th></tr></thead>");
    for (FaultResult fault : run.faults()) {
      page.append("<tr><td><b>").append(Svg.escape(fault.name())).append("</b><br/><small>");
      page.append(Svg.escape(fault.title())).append("</small></td><td>");
      page.append(Svg.escape(fault.target())).append("</td><td class='n'>");
      page.append(Numbers.of(fault.silentMillis())).append("</td><td class='n'>");
      page.append(Numbers.of(fault.recoveredMillis())).append("</td><td>");
      page.append(
          fault.lost().isEmpty()
              ? "<b class='good'>✓ nothing</b>"
              : "<b class='bad'>✗</b> " + Svg.escape(String.join("; ", fault.lost())));
      page.append("</td><td>").append(Svg.escape(String.join("; ", fault.noted())));
      page.append("</td></tr>");
    }
    page.append("</table></div></section>");
  }

  private static String style() {
    try (InputStream in = HtmlReport.class.getResourceAsStream("report.css")) {
      return new String(
          Objects.requireNonNull(in, "report.css is not in the jar").readAllBytes(),
          StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("report.css can't be read", e);
    }
  }
}
