package dev.retainerd.bench.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A metric that got worse than in an earlier run, by more than noise explains. Where both runs have
 * a peer or a floor beside the target, its change is the machine's and is divided out.
 *
 * @param stage name of the stage
 * @param metric what got worse
 * @param factor how many times worse, machine divided out
 */
public record Regression(String stage, Metric metric, double factor) {
  /** Many metrics are compared at once: at 95 % one in forty would cry without cause. */
  private static final double CONFIDENCE = 0.995;

  /** Smaller changes are not worth a failed build, however certain. */
  private static final double FACTOR_MIN = 1.10;

  /** In words. */
  public String sentence() {
    return String.format(
        Locale.ROOT, "%s: %s is %.2f times worse than before", stage, metric.name(), factor);
  }

  /** Everything of the first target of each stage that is in both runs and got worse. */
  public static List<Regression> between(List<StageResult> before, List<StageResult> now) {
    List<Regression> found = new ArrayList<>();
    for (StageResult stage : now) {
      before.stream()
          .filter(earlier -> earlier.name().equals(stage.name()))
          .findFirst()
          .ifPresent(earlier -> compare(earlier, stage, found));
    }
    return found;
  }

  private static void compare(StageResult before, StageResult now, List<Regression> found) {
    Measurement target = now.measurements().getFirst();
    for (Metric metric : target.samples().keySet()) {
      Optional<Ratio> own = change(before, now, target.target(), metric);
      if (own.isEmpty() || !own.get().hasInterval()) {
        continue;
      }
      double low = own.get().low();
      double factor = own.get().value();
      Optional<Ratio> machine =
          now.measurements().stream()
              .skip(1)
              .map(other -> change(before, now, other.target(), metric))
              .flatMap(Optional::stream)
              .findFirst();
      if (machine.isPresent()) {
        low /= machine.get().high();
        factor /= machine.get().value();
      }
      if (low > 1 && factor > FACTOR_MIN) {
        found.add(new Regression(now.name(), metric, factor));
      }
    }
  }

  /** Now divided by before, turned so that above 1 is worse. */
  private static Optional<Ratio> change(
      StageResult before, StageResult now, String target, Metric metric) {
    Optional<Samples> old = samples(before, target, metric);
    Optional<Samples> fresh = samples(now, target, metric);
    if (old.isEmpty() || fresh.isEmpty()) {
      return Optional.empty();
    }
    return metric.unit().lessIsBetter()
        ? Ratio.of(fresh.get(), old.get(), CONFIDENCE)
        : Ratio.of(old.get(), fresh.get(), CONFIDENCE);
  }

  private static Optional<Samples> samples(StageResult stage, String target, Metric metric) {
    return stage.measurements().stream()
        .filter(one -> one.target().equals(target))
        .map(one -> Optional.ofNullable(one.samples().get(metric)))
        .flatMap(Optional::stream)
        .findFirst();
  }
}
