package dev.retainerd.runtime.engine;

import dev.retainerd.runtime.error.Refusal;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One lock per name, made when first wanted and dropped when nobody holds or awaits it. Keeps
 * operations on one thing apart while those on different things run side by side. Thread-safe; a
 * lock may be taken again by its holder.
 */
public final class KeyLocks {
  private final ConcurrentHashMap<String, Counted> locks = new ConcurrentHashMap<>();

  /** A lock that is held until closed, by the thread that took it. */
  public interface Held extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Takes the lock of {@code name}.
   *
   * @throws Refusal DEADLINE_EXCEEDED where another operation holds it for longer than {@code
   *     patience}
   */
  public Held hold(String name, Duration patience) {
    Counted counted = use(name);
    boolean locked = false;
    try {
      locked = counted.lock.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!locked) {
      release(name);
      throw Refusal.deadlineExceeded(
          "another operation on "
              + name
              + " is still under way after "
              + patience.toSeconds()
              + " s; ask again, the retry joins it");
    }
    return held(name, counted);
  }

  /**
   * Takes the lock of {@code name} where nobody else has it; for who needs many at once, and would
   * otherwise have to take care of their order.
   */
  public Optional<Held> holdIfFree(String name) {
    Counted counted = use(name);
    if (counted.lock.tryLock()) {
      return Optional.of(held(name, counted));
    }
    release(name);
    return Optional.empty();
  }

  private Held held(String name, Counted counted) {
    return () -> {
      counted.lock.unlock();
      release(name);
    };
  }

  private Counted use(String name) {
    return locks.compute(
        name,
        (n, before) -> {
          Counted c = before == null ? new Counted() : before;
          c.users++;
          return c;
        });
  }

  private void release(String name) {
    locks.computeIfPresent(name, (n, c) -> --c.users == 0 ? null : c);
  }

  private static final class Counted {
    final ReentrantLock lock = new ReentrantLock();
    int users;
  }
}
