package dev.retainerd.runtime.shims;

import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open lines to shims, by shim, and the stream of records over each. A shim that answers
 * nothing loses its line within {@link #RECORDS_WAIT} and the slack of a call. Thread-safe.
 */
final class ShimLines implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShimLines.class);

  /** Each poll for records is a sign of life as well. */
  private static final Duration RECORDS_WAIT = Duration.ofSeconds(4);

  private static final Duration REATTACH_PATIENCE = Duration.ofSeconds(8);

  private final Path holderSocket;
  private final Predicate<String> isUnreachable;
  private final ConcurrentHashMap<String, ShimLine> lines = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Long> answered = new ConcurrentHashMap<>();
  private final Object attached = new Object();
  private volatile BiConsumer<String, ShimRecord> recordSink = (shim, record) -> {};
  private volatile BiConsumer<String, ShimCalls> onAttached = (shim, calls) -> {};
  private volatile Consumer<String> onLost = shim -> {};
  private volatile boolean closing;

  /**
   * @param holderSocket where shims send descriptors worth keeping
   * @param isUnreachable whether it is known of a shim that it does not answer
   */
  ShimLines(Path holderSocket, Predicate<String> isUnreachable) {
    this.holderSocket = holderSocket;
    this.isUnreachable = isUnreachable;
  }

  void onRecord(BiConsumer<String, ShimRecord> sink) {
    this.recordSink = sink;
  }

  void onAttached(BiConsumer<String, ShimCalls> action) {
    this.onAttached = action;
  }

  /** Sets who is told, on a thread that may wait, that a line has ended by itself. */
  void onLost(Consumer<String> action) {
    this.onLost = action;
  }

  boolean has(String id) {
    return lines.containsKey(id);
  }

  Optional<ShimLine> find(String id) {
    return Optional.ofNullable(lines.get(id));
  }

  /** Whether there is a line to it, and it takes what it is offered as far as is known. */
  boolean takes(String id) {
    return find(id).filter(line -> !line.isSilent()).isPresent();
  }

  /** As {@link Shims#calls}. */
  ShimCalls calls(String shimId) {
    return find(shimId)
        .orElseThrow(
            () ->
                Refusal.unavailable(
                    "shim "
                        + shimId
                        + " does not answer at the moment; its containers go on running, ask"
                        + " again, or see the daemon's log"));
  }

  /** As {@link Shims#callsOf}. */
  ShimCalls callsOf(Supplier<String> home) {
    long deadline = System.nanoTime() + REATTACH_PATIENCE.toNanos();
    synchronized (attached) {
      while (true) {
        String shimId = home.get();
        long left = (deadline - System.nanoTime()) / 1_000_000;
        boolean works = find(shimId).filter(line -> !line.isEnded()).isPresent();
        if (works || left <= 0 || isUnreachable.test(shimId)) {
          return calls(shimId);
        }
        try {
          attached.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw Refusal.cancelled("the wait for shim " + shimId + " was given up");
        }
      }
    }
  }

  /** Opens a shim's line to callers, has open intents settled over it, and follows its records. */
  void attach(String id, ShimCalls calls) {
    ShimLine line = new ShimLine(calls);
    open(id, line, calls);
    onAttached.accept(id, line);
    announce();
    follow(id, line, calls);
  }

  /**
   * Opens an existing line to the successor of its shim. Nothing was cut short, so there is nothing
   * to settle.
   */
  void move(String successor, ShimLine line, ShimCalls calls) {
    line.moveTo(calls);
    open(successor, line, calls);
    announce();
    follow(successor, line, calls);
  }

  private void open(String id, ShimLine line, ShimCalls calls) {
    lines.put(id, line);
    sawAnswer(id);
    try {
      calls.sendDescriptors(holderSocket);
    } catch (Refusal e) {
      LOG.warn("terminals under shim {} would not survive it: {}", id, e.sentence());
    }
  }

  private void announce() {
    synchronized (attached) {
      attached.notifyAll();
    }
  }

  private void follow(String id, ShimLine line, ShimCalls calls) {
    Thread.ofVirtual().name("shim-" + id).start(() -> carry(id, line, calls));
  }

  /** Carries records until the connection ends. */
  private void carry(String id, ShimLine line, ShimCalls calls) {
    long since = 0;
    try {
      while (!closing) {
        for (ShimRecord record : calls.records(since, RECORDS_WAIT)) {
          recordSink.accept(id, record);
          since = Math.max(since, record.number());
        }
        sawAnswer(id);
      }
    } catch (RuntimeException e) {
      LOG.info("the line to shim {} ended: {}", id, e.getMessage());
    }
    if (!closing && lines.remove(id, line)) {
      calls.close();
      onLost.accept(id);
    }
  }

  /** Notes a sign of life. */
  void sawAnswer(String id) {
    answered.put(id, System.nanoTime());
    find(id).ifPresent(ShimLine::sawAnswer);
  }

  /** Milliseconds since the last sign of life, or since the first time that this was asked. */
  long silentMillis(String id) {
    long now = System.nanoTime();
    Long last = answered.putIfAbsent(id, now);
    return last == null ? 0 : (now - last) / 1_000_000;
  }

  /** Takes a line out of use, without closing it and without anybody being told. */
  Optional<ShimLine> take(String id) {
    return Optional.ofNullable(lines.remove(id));
  }

  void forget(String id) {
    answered.remove(id);
    take(id).ifPresent(ShimLine::close);
  }

  boolean isClosing() {
    return closing;
  }

  /** Ends the records; lines stay until {@link #close}. */
  void beginClosing() {
    closing = true;
  }

  @Override
  public void close() {
    closing = true;
    lines.values().forEach(ShimLine::close);
  }
}
