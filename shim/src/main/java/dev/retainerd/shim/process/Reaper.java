package dev.retainerd.shim.process;

import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import java.time.Instant;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The one place where children of this process are waited for.
 *
 * <p>One thread sees each child end while it is still a zombie, lets its listener write that down,
 * and only then takes it from the process table: a death of ours in between leaves the status with
 * the kernel. Children are started under the same lock that the thread takes to find a listener, so
 * that none can end before it is known. Processes that were handed to us (we are a subreaper) and
 * end before anybody claims them are remembered, bounded in number. Thread-safe.
 */
public final class Reaper {
  /** Told once, on the reaping thread, before the process is reaped; must be short. */
  public interface Listener {
    /**
     * @param status 0..255; 128 + signal
     * @param atNanos since 1970
     */
    void ended(int status, long atNanos);
  }

  private record Unclaimed(int status, long atNanos, long seenNanoTime) {
    boolean isOfOneStartedSince(long nanoTime) {
      return seenNanoTime - nanoTime >= 0;
    }
  }

  /** The end of a process that nobody had claimed yet. */
  public record Early(int status, long atNanos) {}

  private static final int UNCLAIMED_MAX = 4096;
  private static final long NO_CHILD_WAIT_MILLIS = 30_000;

  private final Object lock = new Object();
  private final Map<Integer, Listener> listeners = new HashMap<>();
  private final LinkedHashMap<Integer, Unclaimed> unclaimed = new LinkedHashMap<>();

  public void start() {
    Thread thread = new Thread(null, this::run, "reaper", 192 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts a child. */
  public int spawn(Processes.Command command, Listener listener) throws PosixException {
    synchronized (lock) {
      int pid = Processes.spawn(command);
      listeners.put(pid, listener);
      lock.notifyAll();
      return pid;
    }
  }

  /**
   * Listens for a child that another child of ours has started and left to us.
   *
   * @param sinceNanoTime a System.nanoTime() before that child was started: an end seen earlier was
   *     of another process with this pid
   */
  public void claim(int pid, long sinceNanoTime, Listener listener) {
    Unclaimed before;
    synchronized (lock) {
      before = unclaimed.remove(pid);
      if (before == null || !before.isOfOneStartedSince(sinceNanoTime)) {
        before = null;
        listeners.put(pid, listener);
        lock.notifyAll();
      }
    }
    if (before != null) {
      listener.ended(before.status(), before.atNanos());
    }
  }

  /** As {@link #claim} for one that has ended already; null, and no claim, where it has not. */
  public Early claimIfEnded(int pid, long sinceNanoTime) {
    synchronized (lock) {
      Unclaimed before = unclaimed.get(pid);
      if (before == null || !before.isOfOneStartedSince(sinceNanoTime)) {
        return null;
      }
      unclaimed.remove(pid);
      return new Early(before.status(), before.atNanos());
    }
  }

  /** Signals a child that has not been reaped; false when it is not ours or has been. */
  boolean signalIfOurs(int pid, int signal) {
    synchronized (lock) {
      return listeners.containsKey(pid) && Processes.signal(pid, signal) == 0;
    }
  }

  private void run() {
    while (true) {
      try {
        Processes.Ended ended = Processes.awaitEnded();
        if (ended == null) {
          awaitChild();
        } else {
          reap(ended);
        }
      } catch (PosixException | RuntimeException e) {
        System.err.println("a fault while reaping: " + e);
      }
    }
  }

  private void reap(Processes.Ended ended) {
    Instant now = Instant.now();
    long atNanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
    Listener listener;
    synchronized (lock) {
      listener = listeners.get(ended.pid());
      if (listener == null) {
        unclaimed.remove(ended.pid());
        unclaimed.put(ended.pid(), new Unclaimed(ended.status(), atNanos, System.nanoTime()));
        if (unclaimed.size() > UNCLAIMED_MAX) {
          Iterator<Integer> oldest = unclaimed.keySet().iterator();
          oldest.next();
          oldest.remove();
        }
      }
    }
    try {
      if (listener != null) {
        listener.ended(ended.status(), atNanos);
      }
    } finally {
      synchronized (lock) {
        listeners.remove(ended.pid());
        Processes.reap(ended.pid());
      }
    }
  }

  private void awaitChild() {
    synchronized (lock) {
      if (listeners.isEmpty()) {
        try {
          lock.wait(NO_CHILD_WAIT_MILLIS);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        return;
      }
    }
    // Claimed, and yet no child: handed over a moment later, or not ours at all.
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
