package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Samples;
import java.util.Arrays;
import java.util.Collection;

/**
 * A row of a box plot: the box from the first to the third quartile with the median in it, whiskers
 * from p5 to p95, and dots for what lies outside of them. All rows of a metric share one scale.
 */
final class BoxPlot {
  private static final int WIDTH = 420;
  private static final int HEIGHT = 26;
  private static final int PADDING = 6;

  private final Metric metric;
  private final double most;

  BoxPlot(Metric metric, Collection<Samples> all) {
    this.metric = metric;
    // One outlier must not press all boxes flat: what lies beyond is drawn at the edge.
    this.most = all.stream().mapToDouble(samples -> samples.quantile(0.95)).max().orElse(1) * 1.15;
  }

  String row(Samples samples, int colour) {
    double[] q = new double[] {0.05, 0.25, 0.5, 0.75, 0.95};
    double[] v = Arrays.stream(q).map(samples::quantile).toArray();
    String tip =
        Svg.format(
            "p5 %s, p25 %s, median %s, p75 %s, p95 %s %s; %d samples",
            Numbers.of(v[0]),
            Numbers.of(v[1]),
            Numbers.of(v[2]),
            Numbers.of(v[3]),
            Numbers.of(v[4]),
            metric.unit().symbol(),
            samples.count());
    double middle = HEIGHT / 2.0;
    Svg svg = new Svg(WIDTH, HEIGHT, metric.name() + ": " + tip);
    svg.line(x(0), HEIGHT - 1, x(most), HEIGHT - 1, "grid");
    if (samples.count() > 1) {
      svg.line(x(v[0]), middle, x(v[4]), middle, "stroke s" + colour);
      svg.box(x(v[1]), 6, x(v[3]) - x(v[1]), HEIGHT - 12, "soft s" + colour, tip);
      for (double value : samples.values()) {
        if (value < v[0] || value > v[4]) {
          String beyond = value > most ? " (beyond the scale)" : "";
          svg.dot(x(value), middle, 2, "fill s" + colour, Numbers.of(value) + beyond);
        }
      }
      svg.line(x(v[2]), 4, x(v[2]), HEIGHT - 4, "thick s" + colour);
    } else {
      svg.box(x(0), 6, x(v[2]) - x(0), HEIGHT - 12, "soft s" + colour, tip);
      svg.line(x(v[2]), 4, x(v[2]), HEIGHT - 4, "thick s" + colour);
    }
    return svg.end();
  }

  private double x(double value) {
    double share = most <= 0 ? 0 : Math.min(1, value / most);
    return PADDING + share * (WIDTH - 2.0 * PADDING);
  }
}
