package dev.retainerd.runtime.daemon;

import dev.retainerd.shim.posix.ColdPages;
import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives back what only the start has needed, shortly after it, and later what a burst of work has
 * brought in. Thread-safe.
 */
final class IdleMemory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(IdleMemory.class);

  /** By then even a recovery of many containers is over, most of the time. */
  private static final Duration AFTER_START = Duration.ofSeconds(10);

  private static final Duration EVERY = Duration.ofMinutes(1);

  private final Thread thread;

  private IdleMemory() {
    thread = Thread.ofVirtual().name("idle-memory").start(IdleMemory::run);
  }

  static IdleMemory start() {
    return new IdleMemory();
  }

  private static void run() {
    try {
      Thread.sleep(AFTER_START);
      while (true) {
        long bytes = ColdPages.release();
        LOG.debug("{} KiB of the pages of programs were let go", bytes >> 10);
        Thread.sleep(EVERY);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      LOG.warn("memory that is not needed stays: {}", e.toString());
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
