package dev.retainerd.shim.service;

import dev.retainerd.shim.posix.ColdPages;
import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Threads for calls that wait for an OCI runtime. Bounded: more runtimes at once than this only
 * slow each other down, and more waiting calls than this are refused. When it grows quiet, what the
 * work has brought into memory is given back. Thread-safe.
 */
final class Workers implements ThreadFactory {
  private static final int THREADS = 16;
  private static final int WAITING_MAX = 4096;
  private static final long STACK_BYTES = 256 << 10;

  private static final int QUIET_SECONDS = 10;
  private static final long RELEASE_EVERY_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final ThreadPoolExecutor pool;
  private final AtomicBoolean releasing = new AtomicBoolean();
  private volatile long releasedNanoTime = System.nanoTime() - RELEASE_EVERY_NANOS;

  Workers() {
    pool =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            QUIET_SECONDS,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(WAITING_MAX),
            this);
    pool.allowCoreThreadTimeOut(true);
    // Nothing to do but to end after a while: what the start alone has needed goes with it.
    pool.prestartCoreThread();
  }

  /** False when too much waits already. */
  boolean run(Runnable task) {
    try {
      pool.execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  @Override
  public Thread newThread(Runnable task) {
    Runnable untilIdle =
        () -> {
          task.run();
          release();
        };
    Thread thread = new Thread(null, untilIdle, "call", STACK_BYTES);
    thread.setDaemon(true);
    return thread;
  }

  /** On a thread that ends since it had nothing to do, and may wait; one at a time. */
  private void release() {
    if (!releasing.compareAndSet(false, true)) {
      return;
    }
    try {
      long early = releasedNanoTime + RELEASE_EVERY_NANOS - System.nanoTime();
      TimeUnit.NANOSECONDS.sleep(early);
      ColdPages.release();
      releasedNanoTime = System.nanoTime();
    } catch (IOException | RuntimeException e) {
      System.err.println("memory that is not needed stays: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      releasing.set(false);
    }
  }
}
