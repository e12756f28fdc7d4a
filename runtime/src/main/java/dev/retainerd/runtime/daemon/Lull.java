package dev.retainerd.runtime.daemon;

import java.util.concurrent.TimeUnit;

/**
 * Says when memory is to be given back: soon after a burst of work, when nothing more comes, and in
 * any case every minute, since calls that only read leave no trace here. What is given back the
 * next call fetches again, so a little work now and then, such as a probe's, is no reason. For one
 * thread.
 */
final class Lull {
  /** Nothing was done for so long. */
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(4);

  private static final long BETWEEN_NANOS = TimeUnit.SECONDS.toNanos(15);
  private static final long EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Some five containers' starts. */
  private static final long BURST = 50;

  private long work;
  private long workNanoTime;
  private long workAtLast;
  private long lastNanoTime;

  /** The start is a burst. */
  Lull(long nanoTime) {
    work = -1;
    workNanoTime = nanoTime;
    workAtLast = -BURST;
    lastNanoTime = nanoTime - BETWEEN_NANOS;
  }

  /**
   * Asked every few seconds.
   *
   * @param done a number that grows with each piece of work
   * @return whether now; if so, it counts as done
   */
  boolean isDue(long done, long nanoTime) {
    if (done != work) {
      work = done;
      workNanoTime = nanoTime;
    }
    long since = nanoTime - lastNanoTime;
    boolean burstIsOver =
        work - workAtLast >= BURST
            && nanoTime - workNanoTime >= QUIET_NANOS
            && since >= BETWEEN_NANOS;
    if (!burstIsOver && since < EVERY_NANOS) {
      return false;
    }
    workAtLast = work;
    lastNanoTime = nanoTime;
    return true;
  }
}
