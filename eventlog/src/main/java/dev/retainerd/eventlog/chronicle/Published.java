package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.files.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** What readers may see, and where they wait for more. Thread-safe. */
final class Published {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition more = lock.newCondition();
  private volatile List<Generation> generations;
  private volatile long durable;
  private volatile boolean closed;

  Published(List<Generation> generations, long durable) {
    this.generations = generations;
    this.durable = durable;
  }

  List<Generation> generations() {
    return generations;
  }

  long durable() {
    return durable;
  }

  boolean closed() {
    return closed;
  }

  /** Everything up to {@code sequence} is durable. */
  void advance(long sequence) {
    lock.lock();
    try {
      durable = sequence;
      more.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The newest generation has ended and another begun. */
  void rolled(Generation ended, Generation fresh) {
    change(
        now -> {
          now.set(now.size() - 1, ended);
          now.add(fresh);
        });
  }

  /** A generation is to be read from another place. */
  void replaced(Generation other) {
    change(now -> now.replaceAll(one -> one.number() == other.number() ? other : one));
  }

  /** The oldest generation is no longer to be read. */
  void dropped(Generation gone) {
    change(now -> now.removeIf(one -> one.number() == gone.number()));
  }

  private void change(Consumer<List<Generation>> how) {
    lock.lock();
    try {
      List<Generation> next = new ArrayList<>(generations);
      how.accept(next);
      generations = List.copyOf(next);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until {@code sequence} is durable; false where it is not in time, or never will be. */
  boolean await(long sequence, long nanos) throws InterruptedException {
    if (durable >= sequence) {
      return true;
    }
    long deadline = System.nanoTime() + nanos;
    lock.lockInterruptibly();
    try {
      while (durable < sequence) {
        long left = deadline - System.nanoTime();
        if (closed || left <= 0) {
          return false;
        }
        more.await(left, TimeUnit.NANOSECONDS);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more will become durable. */
  void close() {
    lock.lock();
    try {
      closed = true;
      more.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
