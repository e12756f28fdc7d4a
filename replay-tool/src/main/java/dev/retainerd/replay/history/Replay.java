package dev.retainerd.replay.history;

import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.fold.IllegalTransitionException;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Told;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Folds a history, with the daemon's own fold, up to a point. Not thread-safe. */
public final class Replay {
  private NodeState state = NodeState.inMemory();
  private final Consumer<String> divergences;
  private Watcher watcher = (sequence, deltas) -> {};
  private Optional<Told> last = Optional.empty();
  private Optional<Told> next = Optional.empty();
  private long divergent;
  private boolean snapshots;

  /** The first event behind the newest gap in the sequences that was folded over; 0 for none. */
  private long behindGap;

  /** Is told what each event changes. */
  @FunctionalInterface
  public interface Watcher {
    void changed(long sequence, List<Delta<?>> deltas);
  }

  /**
   * A replay from nothing.
   *
   * @param divergences gets a sentence for each event that does not fit the state
   */
  public Replay(Consumer<String> divergences) {
    this.divergences = divergences;
  }

  /** Lets it begin at a snapshot of the state near the point, instead of at the first event. */
  public Replay fromSnapshots() {
    snapshots = true;
    return this;
  }

  /** Lets somebody see what each event changes, from the next one on. */
  public void watch(Watcher other) {
    watcher = other;
  }

  public NodeState state() {
    return state;
  }

  /** The last event folded. */
  public Optional<Told> last() {
    return last;
  }

  /** How many events did not fit. */
  public long divergent() {
    return divergent;
  }

  /** Folds one event. */
  public void fold(Told told) {
    EventHeader header =
        new EventHeader(
            told.sequence(),
            told.envelope().bootId(),
            told.envelope().wallNanos(),
            told.envelope().namespace());
    try {
      List<Delta<?>> deltas = Fold.fold(state, header, told.event());
      state.apply(told.sequence(), deltas);
      watcher.changed(told.sequence(), deltas);
    } catch (IllegalTransitionException e) {
      divergent++;
      divergences.accept("event " + told.sequence() + ": " + e.getMessage());
    }
    if (last.isPresent() && told.sequence() > last.get().sequence() + 1) {
      behindGap = told.sequence();
    }
    last = Optional.of(told);
  }

  /**
   * Folds on up to a point: from the first event, or from the first snapshot of the state where the
   * log's beginning is not retained. Where events in between are lost, the daemon has written its
   * state as it knew it then, and what follows is folded from that.
   *
   * @throws LookFailure where the point lies before the first event, or the history is only a part,
   *     which no state can be made of
   */
  public void upTo(History history, Point point) {
    if (!history.source().dense()) {
      throw new LookFailure(
          history.source().name()
              + " holds selected events only, of which no state can be made: take evidence of a"
              + " whole range");
    }
    Until until = history.until(point);
    if (last.isEmpty() && state.sequence() == 0 && snapshots) {
      last = SnapshotStart.fill(history, until, state, divergences);
    }
    if (last.isEmpty() && state.sequence() == 0) {
      last = FirstState.load(history, until, state, divergences);
    }
    foldOn(history, until);
    if (behindGap > 0) {
      resumeBehindGap(history, until);
    }
    if (last.isEmpty()) {
      throw new LookFailure(
          next.map(
                  n ->
                      point.words()
                          + " lies before the log begins: its first event is "
                          + n.sequence()
                          + " of "
                          + n.time())
              .orElse("the log holds no event yet"));
    }
    if (until.again()) {
      divergences.accept(
          "the clock was set back after event "
              + last.get().sequence()
              + ": the time "
              + point.words()
              + " was lived through more than once; this is the first time");
    }
  }

  private void resumeBehindGap(History history, Until until) {
    NodeState known = NodeState.inMemory();
    Optional<Told> base = SnapshotStart.fill(history, until, known, divergences);
    if (base.isEmpty() || base.get().sequence() < behindGap) {
      divergences.accept(
          "events before "
              + behindGap
              + " are lost, and no snapshot of the state behind them can be used: what only they"
              + " said is not known");
      return;
    }
    state = known;
    last = base;
    behindGap = 0;
    foldOn(history, until);
  }

  private void foldOn(History history, Until until) {
    long from = Math.max(state.sequence(), last.map(Told::sequence).orElse(0L)) + 1;
    history.each(
        from,
        told -> {
          if (told.sequence() > until.sequence()) {
            next = Optional.of(told);
            return false;
          }
          if (last.isEmpty() && state.sequence() == 0 && told.sequence() > 1) {
            throw new LookFailure(
                "the history begins with event "
                    + told.sequence()
                    + ": the state before it is not in there");
          }
          fold(told);
          return true;
        });
  }

  /** Whether the point lies behind all there is. */
  public boolean behindTheEnd(Point point) {
    return next.isEmpty()
        && last.isPresent()
        && switch (point) {
          case Point.Sequence s ->
              s.sequence() != Long.MAX_VALUE && s.sequence() > last.get().sequence();
          case Point.Moment m -> m.time().isAfter(Instant.now());
        };
  }
}
