package dev.retainerd.runtime.daemon;

import dev.retainerd.shim.posix.ColdPages;
import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives back what only the start has needed, shortly after it, and later what a burst of work has
 * brought in: pages of programs, what the C library's allocator keeps, and heap. Thread-safe.
 */
final class IdleMemory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(IdleMemory.class);

  /** By then a start is over; who works already would only fetch it all back. */
  private static final Duration QUIET = Duration.ofSeconds(1);

  /** So often it is looked whether there is quiet: each look is a timer and two comparisons. */
  private static final Duration LOOK = Duration.ofSeconds(2);

  /** A heap of this size is not worth a collection for its own sake. In bytes. */
  private static final long HEAP_SMALL = 64L << 20;

  private final Thread thread;

  private IdleMemory(LongSupplier work) {
    thread = Thread.ofVirtual().name("idle-memory").start(() -> run(work));
  }

  /**
   * Starts its thread.
   *
   * @param work a number that grows with each piece of work, such as the last event's
   */
  static IdleMemory start(LongSupplier work) {
    return new IdleMemory(work);
  }

  private static void run(LongSupplier work) {
    try {
      Thread.sleep(QUIET);
      long before = work.getAsLong();
      Thread.sleep(QUIET);
      if (work.getAsLong() == before) {
        releasePages();
      }
      long worthwhile = HEAP_SMALL;
      Lull lull = new Lull(System.nanoTime());
      while (true) {
        Thread.sleep(LOOK);
        if (lull.isDue(work.getAsLong(), System.nanoTime())) {
          worthwhile = shrinkHeap(worthwhile);
          releasePages();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      LOG.warn("memory that is not needed stays: {}", e.toString());
    }
  }

  private static void releasePages() throws IOException {
    long bytes = ColdPages.release();
    LOG.debug("{} KiB of the pages of programs were let go", bytes >> 10);
  }

  /**
   * A pull or an import lets the heap grow to its bound, and the JVM gives back only in a full
   * collection, which a heap with much room never has again. It stops the world for some ten
   * milliseconds, so it is not repeated until the heap has grown anew.
   *
   * @return from which size on the next one is worthwhile, in bytes
   */
  static long shrinkHeap(long worthwhile) {
    long before = Runtime.getRuntime().totalMemory();
    if (before <= worthwhile) {
      return worthwhile;
    }
    System.gc();
    long after = Runtime.getRuntime().totalMemory();
    LOG.debug("the heap shrank from {} to {} KiB", before >> 10, after >> 10);
    return Math.max(HEAP_SMALL, after + after / 2);
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
