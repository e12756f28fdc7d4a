package dev.retainerd.replay.history;

import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.fold.IllegalTransitionException;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Told;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/** Folds a history, with the daemon's own fold, up to a point. Not thread-safe. */
public final class Replay {
  private final NodeState state = NodeState.inMemory();
  private final Consumer<String> divergences;
  private Optional<Told> last = Optional.empty();
  private Optional<Told> next = Optional.empty();
  private long divergent;

  /**
   * A replay from nothing.
   *
   * @param divergences gets a sentence for each event that does not fit the state
   */
  public Replay(Consumer<String> divergences) {
    this.divergences = divergences;
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
      state.apply(told.sequence(), Fold.fold(state, header, told.event()));
    } catch (IllegalTransitionException e) {
      divergent++;
      divergences.accept("event " + told.sequence() + ": " + e.getMessage());
    }
    last = Optional.of(told);
  }

  /**
   * Folds on up to a point.
   *
   * @throws LookFailure where the point lies before the first event
   */
  public void upTo(History history, Point point) {
    long from = last.map(t -> t.sequence() + 1).orElse(1L);
    history.each(
        from,
        told -> {
          if (!point.covers(told)) {
            next = Optional.of(told);
            return false;
          }
          fold(told);
          return true;
        });
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
