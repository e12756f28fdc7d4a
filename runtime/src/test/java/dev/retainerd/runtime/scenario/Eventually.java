package dev.retainerd.runtime.scenario;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for conditions; the only place in scenarios that sleeps. */
final class Eventually {
  private static final long POLL_MILLIS = 10;

  private Eventually() {}

  /**
   * Waits until {@code condition} is true; fails the test after {@code patience}, naming {@code
   * what}.
   */
  static void holds(String what, Duration patience, Callable<Boolean> condition) {
    long deadline = System.nanoTime() + patience.toNanos();
    Exception last = null;
    do {
      try {
        if (condition.call()) {
          return;
        }
        last = null;
      } catch (Exception e) {
        last = e;
      }
      pause();
    } while (System.nanoTime() < deadline);
    throw new AssertionError("waited " + patience.toSeconds() + " s in vain for: " + what, last);
  }

  private static void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while waiting", e);
    }
  }
}
