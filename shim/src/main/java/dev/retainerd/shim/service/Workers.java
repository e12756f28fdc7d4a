package dev.retainerd.shim.service;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads for calls that wait for an OCI runtime. Bounded: more runtimes at once than this only
 * slow each other down, and more waiting calls than this are refused. Thread-safe.
 */
final class Workers implements ThreadFactory {
  private static final int THREADS = 16;
  private static final int WAITING_MAX = 4096;
  private static final long STACK_BYTES = 256 << 10;

  private final ThreadPoolExecutor pool;

  Workers() {
    pool =
        new ThreadPoolExecutor(
            THREADS, THREADS, 20, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_MAX), this);
    pool.allowCoreThreadTimeOut(true);
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
    Thread thread = new Thread(null, task, "call", STACK_BYTES);
    thread.setDaemon(true);
    return thread;
  }
}
