package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.linux.NamespaceCalls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

/**
 * Runs a piece of work on a kernel thread of its own that may change its namespaces and then ends.
 * Thread-safe; also callable from virtual threads, which only wait.
 */
public final class NamespaceThread {
  private NamespaceThread() {}

  /**
   * Runs the work inside a network namespace; a socket it opens stays there and may be used from
   * anywhere. The work must not start threads or wake any (docs/decisions/0066).
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

  /**
   * Runs the work on a fresh thread; the name appears in thread dumps and in the time-out.
   *
   * <p>Its end is what tells that the work is done, and the work itself wakes nobody: who wakes a
   * virtual thread may have to start the kernel thread that carries it, which would be born into
   * the namespaces of the work and carry whatever comes next, plugins and downloads, in there.
   */
  static <T> T call(String name, Duration deadline, Callable<T> work) throws IOException {
    Outcome<T> outcome = new Outcome<>(work);
    Thread thread =
        Thread.ofPlatform().daemon().name(name).stackSize(256 * 1024).unstarted(outcome);
    thread.start();
    try {
      if (!thread.join(deadline)) {
        thread.interrupt();
        throw new IOException(name + " took longer than " + deadline.toMillis() + " ms");
      }
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
      throw new IOException(name + " was interrupted", e);
    }
    switch (outcome.failure) {
      case null -> {
        return outcome.value;
      }
      case IOException cause -> throw cause;
      case RuntimeException cause -> throw cause;
      case Error cause -> throw cause;
      default -> throw new IOException(name + " failed", outcome.failure);
    }
  }

  /** Read by who has seen the end of the thread. */
  private static final class Outcome<T> implements Runnable {
    private final Callable<T> work;
    private T value;
    private Throwable failure;

    Outcome(Callable<T> work) {
      this.work = work;
    }

    @Override
    public void run() {
      try {
        value = work.call();
      } catch (Throwable e) {
        failure = e;
      }
    }
  }
}
