package dev.retainerd.runtime.task;

import dev.retainerd.runtime.error.Refusal;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits for futures with a deadline. */
final class Waits {
  private Waits() {}

  /** The value, or empty when the time is over; the future is cancelled then. */
  static <T> Optional<T> upTo(CompletableFuture<T> future, Duration patience) {
    try {
      return Optional.of(future.get(Math.max(0, patience.toMillis()), TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      future.cancel(false);
      return Optional.empty();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r
          ? r
          : Refusal.internal("a wait ended badly: " + e.getCause().getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait was given up by the caller");
    }
  }

  static <T> T orRefuse(CompletableFuture<T> future, Duration patience, String sentence) {
    return upTo(future, patience).orElseThrow(() -> Refusal.deadlineExceeded(sentence));
  }
}
