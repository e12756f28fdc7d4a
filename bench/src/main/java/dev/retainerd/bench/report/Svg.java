package dev.retainerd.bench.report;

import java.util.Locale;

/** Writes the few SVG elements that our charts are made of; colours come from the page's style. */
final class Svg {
  private final StringBuilder text = new StringBuilder();

  Svg(int width, int height, String label) {
    text.append(
        format(
            "<svg viewBox='0 0 %d %d' width='%d' height='%d' role='img' aria-label='%s'>",
            width, height, width, height, escape(label)));
  }

  Svg line(double x1, double y1, double x2, double y2, String style) {
    text.append(
        format(
            "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='%s'/>", x1, y1, x2, y2, style));
    return this;
  }

  Svg box(double x, double y, double width, double height, String style, String tip) {
    text.append(
        format(
            "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' rx='2' class='%s'>",
            x, y, Math.max(1, width), height, style));
    text.append("<title>").append(escape(tip)).append("</title></rect>");
    return this;
  }

  Svg dot(double x, double y, double radius, String style, String tip) {
    text.append(format("<circle cx='%.1f' cy='%.1f' r='%.1f' class='%s'>", x, y, radius, style));
    text.append("<title>").append(escape(tip)).append("</title></circle>");
    return this;
  }

  Svg path(String points, String style) {
    text.append(format("<polyline points='%s' class='%s'/>", points, style));
    return this;
  }

  /** {@code anchor}: start, middle or end. */
  Svg text(double x, double y, String anchor, String style, String words) {
    text.append(
        format("<text x='%.1f' y='%.1f' text-anchor='%s' class='%s'>", x, y, anchor, style));
    text.append(escape(words)).append("</text>");
    return this;
  }

  String end() {
    return text + "</svg>";
  }

  static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }

  static String escape(String words) {
    return words
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }
}
