package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Ratio;
import dev.retainerd.bench.measure.StageResult;
import java.util.ArrayList;
import java.util.List;

/** All ratios under one another, on a logarithmic scale, each with its interval. */
final class Forest {
  private static final int WIDTH = 860;
  private static final int LABEL = 330;
  private static final int RIGHT = 130;
  private static final int ROW = 20;
  private static final int TOP = 30;
  private static final double RANGE = 8;
  private static final double[] TICKS = {0.125, 0.25, 0.5, 1, 2, 4, 8};

  private record Row(String label, Ratio ratio) {}

  private final List<Row> rows = new ArrayList<>();

  Forest(List<StageResult> stages) {
    for (StageResult stage : stages) {
      boolean peer = stage.measurements().stream().filter(one -> !one.floor()).count() > 1;
      for (Metric metric : stage.metrics()) {
        if (peer) {
          stage
              .ratio(metric)
              .ifPresent(ratio -> rows.add(new Row(stage.name() + ": " + metric.name(), ratio)));
        }
      }
    }
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  String draw(String first, String second) {
    int height = TOP + rows.size() * ROW + 26;
    Svg svg = new Svg(WIDTH, height, "ratios of " + first + " to " + second);
    for (double tick : TICKS) {
      svg.line(x(tick), TOP - 6, x(tick), height - 22, tick == 1 ? "axis" : "grid");
      svg.text(x(tick), TOP - 12, "middle", "small", tick == 0.125 ? "1/8" : Numbers.of(tick));
    }
    svg.text(x(1) - 10, height - 6, "end", "small", "← " + first + " better");
    svg.text(x(1) + 10, height - 6, "start", "small", second + " better →");
    for (int i = 0; i < rows.size(); i++) {
      Ratio ratio = rows.get(i).ratio();
      double y = TOP + i * ROW + ROW / 2.0;
      boolean open = !ratio.hasInterval() || ratio.low() <= 1 && ratio.high() >= 1;
      String colour = open ? "s2" : ratio.value() < 1 ? "s0" : "s1";
      String words = Numbers.ratio(ratio) + "  " + Numbers.interval(ratio);
      svg.text(LABEL - 12, y + 4, "end", "small", rows.get(i).label());
      svg.line(x(ratio.low()), y, x(ratio.high()), y, "stroke " + colour);
      svg.dot(x(ratio.value()), y, 4.5, "fill " + colour, words);
      svg.text(WIDTH - RIGHT + 12, y + 4, "start", "small", words);
    }
    return svg.end();
  }

  private static double x(double ratio) {
    double clamped = Math.clamp(ratio, 1 / RANGE, RANGE);
    double share = (Math.log(clamped) / Math.log(RANGE) + 1) / 2;
    return LABEL + share * (WIDTH - LABEL - RIGHT);
  }
}
