package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Processes;
import dev.retainerd.bench.node.Target;
import java.util.OptionalLong;

/**
 * Processor time of the daemon, user and system, in steps of 10 ms: on a machine that others use
 * too it says more than the time on the wall. Of processes that a daemon starts it says nothing.
 *
 * @param pid empty where the daemon is not to be seen from here
 */
record OfDaemon(OptionalLong pid, long millisBefore) {
  private static final Metric METRIC = Metric.millis("processor time of the daemon");

  static OfDaemon begin(Target target) {
    OptionalLong pid = target.daemon();
    return new OfDaemon(pid, pid.isPresent() ? Processes.cpuMillis(pid.getAsLong()) : 0);
  }

  /** Adds what it took since {@link #begin}, where that is known. */
  Readings addTo(Readings readings) {
    return pid.isPresent()
        ? readings.add(METRIC, Processes.cpuMillis(pid.getAsLong()) - millisBefore)
        : readings;
  }
}
