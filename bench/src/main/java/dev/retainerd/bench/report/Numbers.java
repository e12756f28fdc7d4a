package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Ratio;
import java.util.Locale;

/** How figures are spelled: three digits that mean something, and no more. */
final class Numbers {
  private Numbers() {}

  static String of(double value) {
    double size = Math.abs(value);
    if (value == Math.rint(value) && size < 1_000_000) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    return String.format(
        Locale.ROOT, size < 1 ? "%.3f" : size < 10 ? "%.2f" : size < 100 ? "%.1f" : "%.0f", value);
  }

  static String ratio(Ratio ratio) {
    return String.format(Locale.ROOT, "%.2f", ratio.value());
  }

  /** The interval, or nothing where there were too few samples for one. */
  static String interval(Ratio ratio) {
    return ratio.hasInterval()
        ? String.format(Locale.ROOT, "%.2f-%.2f", ratio.low(), ratio.high())
        : "";
  }
}
