package dev.retainerd.store.rocks;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.NewerFormatException;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.fold.IllegalTransitionException;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.state.Overlay;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Folds into store and state the durable events that they lack. An event that cannot be read, or
 * that no longer fits because one before it is lost, is passed over and reported: a damaged history
 * must not keep the daemon from starting.
 */
final class Replay {
  private static final int BATCH_EVENTS = 1024;
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int REPORTED_BOUND = 16;

  private final EventLog log;
  private final RocksStore store;
  private final NodeState state;
  private final List<LogDamage> damages;
  private int passedOver;

  Replay(EventLog log, RocksStore store, NodeState state, List<LogDamage> damages) {
    this.log = log;
    this.store = store;
    this.state = state;
    this.damages = damages;
  }

  /** Folds everything; returns how many events there were. */
  long run() {
    long last = log.durableSequence();
    long replayed = 0;
    if (store.appliedSequence() >= last) {
      return 0;
    }
    try (LogReader reader = log.reader(store.appliedSequence() + 1)) {
      Overlay batch = new Overlay(state);
      int inBatch = 0;
      while (reader.nextSequence() <= last) {
        Optional<Envelope> envelope = next(reader, last);
        if (envelope.isEmpty()) {
          break;
        }
        fold(batch, envelope.get());
        replayed++;
        if (++inBatch == BATCH_EVENTS) {
          publish(batch, envelope.get().sequence());
          batch = new Overlay(state);
          inBatch = 0;
        }
      }
      publish(batch, last);
    }
    if (passedOver > REPORTED_BOUND) {
      report(0, 0, passedOver + " events in all do not fit the state and were passed over");
    }
    return replayed;
  }

  private void publish(Overlay batch, long sequence) {
    if (sequence > store.appliedSequence()) {
      store.apply(sequence, batch.deltas());
      state.apply(sequence, batch.deltas());
    }
  }

  /** The next event that can be read; empty where there is none up to {@code last}. */
  private Optional<Envelope> next(LogReader reader, long last) {
    while (true) {
      long wanted = reader.nextSequence();
      if (wanted > last) {
        return Optional.empty();
      }
      try {
        return reader.poll(PATIENCE);
      } catch (NewerFormatException e) {
        throw e;
      } catch (EventLogException e) {
        lost(wanted, Math.max(wanted, reader.nextSequence() - 1), e.getMessage());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StoreException("the store's catching up was interrupted; start again", e);
      }
    }
  }

  private void fold(Overlay batch, Envelope e) {
    EventType type = EventType.of(e);
    EventHeader at = new EventHeader(e.sequence(), e.bootId(), e.wallNanos(), e.namespace());
    try {
      batch.apply(Fold.fold(batch, at, type.decode(e.schemaVersion(), e.payload())));
    } catch (IllegalTransitionException ex) {
      if (passedOver++ < REPORTED_BOUND) {
        report(0, 0, "event " + e.sequence() + " was passed over: " + ex.getMessage());
      }
    }
  }

  /** Reports a loss, unless the log reported it when it was opened. */
  private void lost(long first, long last, String detail) {
    boolean known =
        log.status().damages().stream()
            .anyMatch(d -> d.firstLostSequence() <= first && last <= d.lastLostSequence());
    if (!known) {
      report(first, last, detail);
    }
  }

  private void report(long first, long last, String detail) {
    damages.add(new LogDamage("log", log.status().directory().toString(), "", first, last, detail));
  }
}
