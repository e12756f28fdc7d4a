package dev.retainerd.shim.output;

/**
 * How much a stream that is held to a rate may move now: at most what a second allows, so that a
 * container that was silent does not flood. Belongs to the loop's thread.
 */
final class Allowance {
  private static final long SECOND_NANOS = 1_000_000_000L;

  private long spent;
  private long sinceNanoTime = System.nanoTime();

  /**
   * Bytes that may move at once.
   *
   * @param perSecond 0 for no limit
   */
  long bytes(long perSecond) {
    if (perSecond == 0) {
      return Long.MAX_VALUE;
    }
    long now = System.nanoTime();
    long nanos = Math.min(SECOND_NANOS, now - sinceNanoTime);
    long regained = (long) ((double) perSecond * nanos / SECOND_NANOS);
    if (regained > 0) {
      spent = Math.max(0, spent - regained);
      sinceNanoTime = now;
    }
    return perSecond - spent;
  }

  void spend(long bytes) {
    spent += bytes;
  }
}
