package dev.retainerd.bench.report;

import java.util.ArrayList;
import java.util.List;

/** Lines over a common pair of axes that begin at 0, with a legend above. */
final class LineChart {
  private static final int WIDTH = 860;
  private static final int HEIGHT = 260;
  private static final int LEFT = 64;
  private static final int RIGHT = 16;
  private static final int TOP = 34;
  private static final int BOTTOM = 42;
  private static final int LEGEND_CHARACTER = 7;

  private record Line(String name, int colour, boolean dashed, List<double[]> points) {}

  private final String across;
  private final String up;
  private final List<Line> lines = new ArrayList<>();

  LineChart(String across, String up) {
    this.across = across;
    this.up = up;
  }

  void add(String name, int colour, boolean dashed, List<double[]> points) {
    lines.add(new Line(name, colour, dashed, points));
  }

  String draw() {
    double right = most(0);
    double top = most(1);
    Svg svg = new Svg(WIDTH, HEIGHT, up + " over " + across);
    double step = step(top);
    for (double tick = 0; tick <= top * 1.05; tick += step) {
      double y = y(tick, top);
      svg.line(LEFT, y, WIDTH - RIGHT, y, "grid");
      svg.text(LEFT - 8, y + 4, "end", "small", Numbers.of(tick));
    }
    double stepAcross = step(right);
    for (double tick = 0; tick <= right * 1.001; tick += stepAcross) {
      svg.text(x(tick, right), HEIGHT - BOTTOM + 18, "middle", "small", Numbers.of(tick));
    }
    svg.text(WIDTH - RIGHT, HEIGHT - 6, "end", "small", across);
    svg.text(8, TOP - 16, "start", "small", up);
    double legend = 32 + up.length() * LEGEND_CHARACTER;
    for (Line line : lines) {
      String dash = line.dashed() ? " dashed" : "";
      svg.line(legend, TOP - 20, legend + 22, TOP - 20, "thick s" + line.colour() + dash);
      svg.text(legend + 28, TOP - 16, "start", "small", line.name());
      legend += 52 + line.name().length() * LEGEND_CHARACTER;
      StringBuilder points = new StringBuilder();
      for (double[] point : line.points()) {
        points.append(Svg.format("%.1f,%.1f ", x(point[0], right), y(point[1], top)));
      }
      svg.path(points.toString(), "curve s" + line.colour() + dash);
      for (double[] point : line.points()) {
        String tip = line.name() + ": " + Numbers.of(point[1]) + " at " + Numbers.of(point[0]);
        double radius = line.points().size() > 60 ? 1.5 : 3;
        svg.dot(x(point[0], right), y(point[1], top), radius, "fill s" + line.colour(), tip);
      }
    }
    return svg.end();
  }

  private double most(int axis) {
    double most =
        lines.stream()
            .flatMap(line -> line.points().stream())
            .mapToDouble(point -> point[axis])
            .max()
            .orElse(1);
    return most > 0 ? most : 1;
  }

  private static double x(double value, double most) {
    return LEFT + value / most * (WIDTH - LEFT - RIGHT);
  }

  private static double y(double value, double most) {
    return HEIGHT - BOTTOM - value / (most * 1.05) * (HEIGHT - TOP - BOTTOM);
  }

  /** 1, 2 or 5 times a power of ten, so that there are four to nine ticks. */
  private static double step(double most) {
    double power = Math.pow(10, Math.floor(Math.log10(most)));
    double digits = most / power;
    return digits < 2 ? power / 4 : digits < 5 ? power / 2 : power;
  }
}
