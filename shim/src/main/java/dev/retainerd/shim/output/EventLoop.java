package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.NativeBuffer;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * One thread that waits for descriptors and timers and runs what they call for. {@link #submit} may
 * be called from any thread; everything else belongs to the loop's own thread. What runs here must
 * not wait for anything but a local disk.
 */
public final class EventLoop {
  /** What happens when a descriptor is ready; the events are those of {@link Epoll}. */
  public interface Ready {
    void ready(int events);
  }

  private record Timer(long atNanos, Runnable task) implements Comparable<Timer> {
    @Override
    public int compareTo(Timer other) {
      return Long.compare(atNanos - other.atNanos, 0);
    }
  }

  private static final int LONGEST_WAIT_MILLIS = 60_000;

  private final Epoll epoll;
  private final int wake;
  private final NativeBuffer wakeBytes = new NativeBuffer(8);
  private final ConcurrentLinkedQueue<Runnable> submitted = new ConcurrentLinkedQueue<>();
  private final PriorityQueue<Timer> timers = new PriorityQueue<>();
  private final Map<Integer, Ready> handlers = new HashMap<>();
  private final Thread thread;

  public EventLoop() throws PosixException {
    epoll = new Epoll();
    wake = Posix.eventCounter();
    epoll.add(wake, Epoll.IN, wake);
    thread = new Thread(null, this::run, "events", 256 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  /** Runs a task on the loop's thread, soon, in the order of submission. */
  public void submit(Runnable task) {
    submitted.add(task);
    try {
      Posix.writeAll(wake, new byte[] {1, 0, 0, 0, 0, 0, 0, 0});
    } catch (PosixException e) {
      // The counter is full of wake-ups already.
    }
  }

  void after(long millis, Runnable task) {
    timers.add(new Timer(System.nanoTime() + millis * 1_000_000, task));
  }

  /** Watches a descriptor; one watch a descriptor. */
  public void watch(int fd, int interest, Ready handler) throws PosixException {
    if (handlers.put(fd, handler) == null) {
      epoll.add(fd, interest, fd);
    } else {
      epoll.modify(fd, interest, fd);
    }
  }

  public void forget(int fd) {
    if (fd >= 0 && handlers.remove(fd) != null) {
      epoll.remove(fd);
    }
  }

  private void run() {
    while (true) {
      int count = epoll.await(nextTimerMillis());
      for (int i = 0; i < count; i++) {
        int fd = (int) epoll.token(i);
        if (fd == wake) {
          Posix.read(wake, wakeBytes, 0, 8);
          continue;
        }
        Ready handler = handlers.get(fd);
        if (handler != null) {
          guarded(new Event(handler, epoll.ready(i)));
        }
      }
      for (Runnable task = submitted.poll(); task != null; task = submitted.poll()) {
        guarded(task);
      }
      while (!timers.isEmpty() && timers.peek().atNanos() - System.nanoTime() <= 0) {
        guarded(timers.poll().task());
      }
    }
  }

  private record Event(Ready handler, int events) implements Runnable {
    @Override
    public void run() {
      handler.ready(events);
    }
  }

  /** One stream's fault must not end the thread that serves all of them. */
  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      System.err.println("a fault while moving output: " + e);
      e.printStackTrace();
    }
  }

  private int nextTimerMillis() {
    if (timers.isEmpty()) {
      return LONGEST_WAIT_MILLIS;
    }
    long nanos = timers.peek().atNanos() - System.nanoTime();
    return (int) Math.clamp(nanos / 1_000_000 + 1, 0, LONGEST_WAIT_MILLIS);
  }
}
