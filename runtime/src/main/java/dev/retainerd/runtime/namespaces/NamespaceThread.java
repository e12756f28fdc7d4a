package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.linux.NamespaceCalls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs a piece of work on a kernel thread of its own that may change its namespaces and then ends.
 * Thread-safe; also callable from virtual threads, which only wait.
 */
public final class NamespaceThread {
  private NamespaceThread() {}

  /**
   * Runs the work inside a network namespace; a socket it opens stays there and may be used from
   * anywhere.
   *
   * @throws IOException if the namespace cannot be entered, the work fails or the deadline passes
   */
  public static <T> T insideNetwork(Path netns, Duration deadline, Callable<T> work)
      throws IOException {
    return call(
        "inside " + netns,
        deadline,
        () -> {
          NamespaceCalls.enter(netns, NamespaceCalls.CLONE_NEWNET);
          return work.call();
        });
  }

  /** Runs the work on a fresh thread; the name appears in thread dumps and in the time-out. */
  static <T> T call(String name, Duration deadline, Callable<T> work) throws IOException {
    FutureTask<T> task = new FutureTask<>(work);
    Thread thread = Thread.ofPlatform().daemon().name(name).stackSize(256 * 1024).unstarted(task);
    thread.start();
    try {
      return task.get(deadline.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      thread.interrupt();
      throw new IOException(name + " took longer than " + deadline.toMillis() + " ms", e);
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
      throw new IOException(name + " was interrupted", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException cause -> throw cause;
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        default -> throw new IOException(name + " failed", e.getCause());
      }
    }
  }
}
