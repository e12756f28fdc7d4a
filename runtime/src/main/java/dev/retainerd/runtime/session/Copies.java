package dev.retainerd.runtime.session;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Threads that copy streams until they end. For one thread. */
final class Copies {
  private static final Logger LOG = LoggerFactory.getLogger(Copies.class);
  private static final int BUFFER_BYTES = 32 << 10;

  private final List<CompletableFuture<Void>> ends = new ArrayList<>();

  /** Copies all there is; when {@code to} takes no more, the rest is read and dropped. */
  void output(String name, InputStream from, OutputStream to) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    ends.add(end);
    start(
        name,
        () -> {
          try {
            drain(name, from, to);
          } finally {
            end.complete(null);
          }
        });
  }

  /** Copies until one of the two ends, then runs {@code atEnd}. Nobody waits for it. */
  static void input(String name, InputStream from, OutputStream to, Runnable atEnd) {
    start(
        name,
        () -> {
          try {
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
              to.write(buffer, 0, n);
            }
          } catch (IOException e) {
            LOG.debug("{} ended: {}", name, e.getMessage());
          }
          atEnd.run();
        });
  }

  private static void start(String name, Runnable work) {
    // Reads of a FIFO hold a kernel thread, so a virtual one would gain nothing.
    Thread.ofPlatform().daemon(true).name(name).start(work);
  }

  private static void drain(String name, InputStream from, OutputStream to) {
    byte[] buffer = new byte[BUFFER_BYTES];
    boolean taken = true;
    try {
      for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
        taken = taken && write(name, to, buffer, n);
      }
    } catch (IOException e) {
      LOG.debug("{} was cut off: {}", name, e.getMessage());
    }
  }

  private static boolean write(String name, OutputStream to, byte[] bytes, int length) {
    try {
      to.write(bytes, 0, length);
      return true;
    } catch (IOException e) {
      LOG.debug("nobody takes {} any more: {}", name, e.getMessage());
      return false;
    }
  }

  /** Waits until all output is copied; false where that takes longer. */
  boolean await(Duration patience) {
    return await(patience, new CompletableFuture<>());
  }

  /**
   * Waits until all output is copied; false where that takes longer, or {@code givenUp} completes
   * before.
   *
   * @param patience zero: for as long as it takes
   */
  boolean await(Duration patience, CompletableFuture<Void> givenUp) {
    CompletableFuture<Void> all = CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new));
    CompletableFuture<Object> either = CompletableFuture.anyOf(all, givenUp);
    try {
      if (patience.isZero()) {
        either.get();
      } else {
        either.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (TimeoutException | ExecutionException e) {
      return all.isDone();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    return all.isDone();
  }
}
