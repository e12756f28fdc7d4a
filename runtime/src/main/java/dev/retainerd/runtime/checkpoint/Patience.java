package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.error.Refusal;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** How long a caller waits for a checkpoint. Thread-safe. */
public final class Patience {
  private final long endNanos;
  private final BooleanSupplier gone;

  private Patience(Duration whole, BooleanSupplier gone) {
    this.endNanos = System.nanoTime() + whole.toNanos();
    this.gone = gone;
  }

  /**
   * Begins now.
   *
   * @param gone whether the caller has hung up
   */
  public static Patience of(Duration whole, BooleanSupplier gone) {
    return new Patience(whole, gone);
  }

  /**
   * What is left of it.
   *
   * @throws Refusal DEADLINE_EXCEEDED where that is nothing, CANCELLED where nobody waits any more
   */
  Duration left(String what) {
    Duration left = Duration.ofNanos(endNanos - System.nanoTime());
    if (left.isNegative() || left.isZero()) {
      throw Refusal.deadlineExceeded(what + " took longer than its caller waits; allow more time");
    }
    if (gone.getAsBoolean()) {
      throw Refusal.cancelled(what + " was given up by its caller");
    }
    return left;
  }
}
