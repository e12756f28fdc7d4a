package dev.retainerd.bench.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does the same thing many times, a few at once. */
public final class AtOnce {
  /** One of the things. */
  @FunctionalInterface
  public interface Work {
    /** Does number {@code i}. */
    void run(int i) throws Exception;
  }

  private AtOnce() {}

  /**
   * Does the things 0..{@code count}-1, {@code width} at a time.
   *
   * @return how long all of them took, in nanoseconds
   * @throws Exception the first failure; all have ended by then
   */
  public static long run(int count, int width, Work work) throws Exception {
    long started = System.nanoTime();
    try (ExecutorService pool = Executors.newFixedThreadPool(width, Thread.ofVirtual().factory())) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        all.add(
            pool.submit(
                () -> {
                  work.run(number);
                  return null;
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
    return System.nanoTime() - started;
  }
}
