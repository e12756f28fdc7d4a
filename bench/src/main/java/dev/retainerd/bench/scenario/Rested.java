package dev.retainerd.bench.scenario;

import java.time.Duration;

/**
 * A node in which no process was put into a cgroup for a while, as before most of the calls that a
 * kubelet makes.
 *
 * <p>Who moves a process between cgroups waits for a grace period of the kernel, 6 to 15 ms, unless
 * another has done so within about the last 15 ms: without a rest, whoever comes after somebody
 * else is given that time, and which of two runtimes it is hangs on how long the one before took.
 */
final class Rested {
  /**
   * Measured: after 5 ms nothing is to be waited for, after 20 ms half of the time, after 100
   * always.
   */
  private static final Duration REST = Duration.ofMillis(100);

  private Rested() {}

  /** Waits until it is. */
  static void await() throws InterruptedException {
    Thread.sleep(REST);
  }
}
