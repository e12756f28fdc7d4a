package dev.retainerd.store.rocks;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.state.Overlay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Opens the store and brings it and the state in memory to the log's last event. A store that is
 * damaged, of another schema, or ahead of the log is set aside, never deleted, and rebuilt from the
 * log.
 *
 * @param store open, at the log's last event
 * @param state the same in memory
 * @param caughtUp how many events were folded
 * @param setAside where the old store lies and why; empty where it was used
 */
public record CatchUp(
    RocksStore store, NodeState state, long caughtUp, Optional<SetAside> setAside) {
  private static final int BATCH_EVENTS = 1000;
  private static final Duration READ_PATIENCE = Duration.ofSeconds(10);

  /** A store that was not used. */
  public record SetAside(Path from, Path to, String reason) {}

  /** Opens the store in {@code folder} on that log. */
  public static CatchUp open(Path folder, EventLog log) throws IOException {
    try {
      return use(RocksStore.open(folder), log, Optional.empty());
    } catch (StoreDamagedException e) {
      return rebuilt(folder, log, e.getMessage());
    }
  }

  private static CatchUp rebuilt(Path folder, EventLog log, String reason) throws IOException {
    Path aside = freeName(folder);
    Files.move(folder, aside);
    try {
      return use(RocksStore.open(folder), log, Optional.of(new SetAside(folder, aside, reason)));
    } catch (StoreDamagedException again) {
      throw new IOException(again.getMessage(), again);
    }
  }

  private static Path freeName(Path folder) {
    for (int n = 1; ; n++) {
      Path name = folder.resolveSibling(folder.getFileName() + ".set-aside-" + n);
      if (Files.notExists(name)) {
        return name;
      }
    }
  }

  private static CatchUp use(RocksStore store, EventLog log, Optional<SetAside> aside)
      throws StoreDamagedException {
    try {
      if (store.appliedSequence() > log.lastSequence()) {
        throw new StoreDamagedException(
            "the store is at event "
                + store.appliedSequence()
                + ", ahead of the log's last, "
                + log.lastSequence(),
            null);
      }
      NodeState state = NodeState.withCold(store::get);
      store.loadInto(state);
      long folded = fold(store, state, log);
      return new CatchUp(store, state, folded, aside);
    } catch (StoreDamagedException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  private static long fold(RocksStore store, NodeState state, EventLog log) {
    long first = store.appliedSequence() + 1;
    long last = log.lastSequence();
    if (first > last) {
      return 0;
    }
    try (LogReader reader = log.reader(first)) {
      Overlay batch = new Overlay(state);
      for (long sequence = first; sequence <= last; sequence++) {
        Envelope e = next(reader, sequence);
        batch.apply(
            Fold.fold(
                batch,
                new EventHeader(e.sequence(), e.bootId(), e.wallNanos(), e.namespace()),
                EventType.decode(e.type(), e.payload())));
        if ((sequence - first) % BATCH_EVENTS == BATCH_EVENTS - 1 || sequence == last) {
          store.apply(sequence, batch.deltas());
          state.apply(sequence, batch.deltas());
          batch = new Overlay(state);
        }
      }
      return last - first + 1;
    }
  }

  private static Envelope next(LogReader reader, long sequence) {
    try {
      return reader
          .poll(READ_PATIENCE)
          .orElseThrow(
              () -> new IllegalStateException("event " + sequence + " of the log does not come"));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the store caught up", e);
    }
  }
}
