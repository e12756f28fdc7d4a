package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.store.state.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs collections by itself: in a namespace where something was let go, after so many changes or
 * so much time, and everywhere now and then, since leases expire without an event. Thread-safe.
 */
public final class GarbageSchedule implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GarbageSchedule.class);

  /**
   * When to collect. The first two are as containerd's scheduler has them.
   *
   * @param changes in a namespace where something was let go
   * @param patience since something was let go
   * @param every in all namespaces
   */
  public record Settings(int changes, Duration patience, Duration every) {
    public static final Settings USUAL =
        new Settings(100, Duration.ofMinutes(1), Duration.ofMinutes(10));
  }

  /** How often to look for what is due, where something is to become so. */
  private static final long LOOK_MILLIS = 1_000;

  private static final class Waiting {
    private int changes;
    private long letGoNanos;
    private boolean letGo;
  }

  private final Journal journal;
  private final GarbageCollector collector;
  private final Origin self;
  private final Settings settings;
  private final Map<String, Waiting> waiting = new HashMap<>();
  private final Thread thread;
  private boolean closed;

  /** Begins to watch; collects nothing before {@link #begin}. */
  public GarbageSchedule(
      Journal journal, GarbageCollector collector, Origin self, Settings settings) {
    this.journal = journal;
    this.collector = collector;
    this.self = self;
    this.settings = settings;
    journal.addListener((envelope, event) -> changed(envelope.namespace(), event));
    this.thread = Thread.ofPlatform().daemon(true).name("garbage").unstarted(this::run);
  }

  /** Begins to collect: also what an earlier daemon left. Once. */
  public synchronized void begin() {
    journal
        .state()
        .forEach(
            Kind.NAMESPACE,
            (key, entry) -> {
              Waiting state = waiting.computeIfAbsent(key.id(), n -> new Waiting());
              state.letGo = true;
              state.letGoNanos = System.nanoTime();
            });
    if (!closed) {
      thread.start();
    }
  }

  private synchronized void changed(String namespace, Event event) {
    boolean letsGo = letsGo(event);
    if (!letsGo && !waiting.containsKey(namespace)) {
      return;
    }
    Waiting state = waiting.computeIfAbsent(namespace, n -> new Waiting());
    state.changes++;
    boolean first = letsGo && !state.letGo;
    if (first) {
      state.letGo = true;
      state.letGoNanos = System.nanoTime();
    }
    if (first || state.changes >= settings.changes()) {
      notifyAll();
    }
  }

  /** Whether something may be held no longer. */
  private static boolean letsGo(Event event) {
    return switch (event) {
      case Event.ImageDeleted e -> true;
      case Event.ImageUpdated e -> true;
      case Event.ImagePullFailed e -> true;
      case Event.ContainerRemoved e -> true;
      case Event.ContainerUpdated e -> true;
      case Event.LeaseDeleted e -> true;
      case Event.LeaseResourceRemoved e -> true;
      case Event.ContentUpdated e -> true;
      case Event.SnapshotUpdated e -> true;
      default -> false;
    };
  }

  private void run() {
    long everywhere = System.nanoTime() + settings.every().toNanos();
    while (true) {
      List<String> due;
      synchronized (this) {
        try {
          wait(untilNextLook(everywhere));
        } catch (InterruptedException e) {
          return;
        }
        if (closed) {
          return;
        }
        due = due();
      }
      if (System.nanoTime() > everywhere) {
        everywhere = System.nanoTime() + settings.every().toNanos();
        due = new ArrayList<>();
        List<String> all = due;
        journal.state().forEach(Kind.NAMESPACE, (key, entry) -> all.add(key.id()));
      }
      due.forEach(this::collect);
    }
  }

  /** Where nothing was let go there is nothing to look for; {@link #changed} wakes us. In ms. */
  private long untilNextLook(long everywhereNanos) {
    long millis =
        waiting.values().stream().anyMatch(state -> state.letGo)
            ? Math.min(settings.patience().toMillis(), LOOK_MILLIS)
            : TimeUnit.NANOSECONDS.toMillis(everywhereNanos - System.nanoTime());
    return Math.max(1, millis);
  }

  private List<String> due() {
    if (collector.isPaused()) {
      return List.of(); // a pull is under way: its end is a better moment
    }
    long now = System.nanoTime();
    List<String> due = new ArrayList<>();
    waiting.forEach(
        (namespace, state) -> {
          boolean old = now - state.letGoNanos > settings.patience().toNanos();
          if (state.letGo && (old || state.changes >= settings.changes())) {
            due.add(namespace);
          }
        });
    due.forEach(waiting::remove);
    return due;
  }

  private void collect(String namespace) {
    try {
      collector.collect(self, namespace, GarbageCollector.Cause.SCHEDULE);
    } catch (RuntimeException e) {
      LOG.warn("the garbage of {} is not collected yet: {}", namespace, e.getMessage());
    }
    if (collector.isPaused()) {
      // A pull that began meanwhile may have kept it off.
      again(namespace);
    }
  }

  private synchronized void again(String namespace) {
    Waiting state = waiting.computeIfAbsent(namespace, n -> new Waiting());
    state.letGo = true;
    state.letGoNanos = System.nanoTime();
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    if (!thread.isAlive()) {
      return;
    }
    try {
      thread.join(Duration.ofSeconds(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
