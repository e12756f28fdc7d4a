package dev.retainerd.replay.history;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.NewerFormatException;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.store.words.Life;
import dev.retainerd.store.words.SubjectSearch;
import dev.retainerd.store.words.Told;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A log to look at: streamed, never held. What cannot be read is told to the listener of notes, so
 * that an answer with a gap in it does not look whole. One thread at a time.
 */
public final class History implements AutoCloseable {
  private static final Duration FOLLOW_PATIENCE = Duration.ofSeconds(1);

  private final EventSource source;
  private Optional<LifeIndex> index = Optional.empty();
  private final Consumer<String> notes;
  private long gaps;
  private final boolean passingOver;

  /**
   * A history of that source, which it closes.
   *
   * @param notes gets a sentence for whatever the operator should know beside the answer
   */
  public History(EventSource source, Consumer<String> notes) {
    this(source, notes, false);
    source.findings().forEach(notes);
  }

  private History(EventSource source, Consumer<String> notes, boolean passingOver) {
    this.source = source;
    this.notes = notes;
    this.passingOver = passingOver;
  }

  /** Uses an index from now on. */
  public void use(LifeIndex other) {
    index = Optional.of(other);
  }

  public EventSource source() {
    return source;
  }

  /** The same source, whose notes go elsewhere; events of a newer version are noted as well. */
  public History notingTo(Consumer<String> other) {
    return new History(source, other, true);
  }

  @Override
  public void close() {
    source.close();
  }

  /** The last event there is now; 0 for an empty log. */
  public long lastSequence() {
    return source.lastSequence();
  }

  /** Hands out every event from {@code from} on, as long as {@code more} says so. */
  public void each(long from, Predicate<Told> more) {
    each(from, encoded -> true, more);
  }

  /**
   * As {@link #each}, for somebody whom most events do not concern: those are not even decoded.
   *
   * @param concerns whether an event may be wanted
   */
  public void each(long from, Predicate<EncodedEnvelope> concerns, Predicate<Told> more) {
    try (EventSource.Walk walk = source.walk(from, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good
            && EventType.isKnown(good.encoded())
            && !concerns.test(good.encoded())) {
          continue;
        }
        Optional<Told> told = told(e.get());
        if (told.isPresent() && !more.test(told.get())) {
          return;
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  /** As {@link #each}, and then waits for events to come, until interrupted. */
  public void follow(long from, Predicate<Told> more) throws InterruptedException {
    try (EventSource.Walk walk = source.walk(from, false)) {
      while (true) {
        Optional<LogEntry> entry = walk.await(FOLLOW_PATIENCE);
        Optional<Told> told = entry.flatMap(this::told);
        if (told.isPresent() && !more.test(told.get())) {
          return;
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  /** The event of that sequence; empty where it is not there or cannot be read. */
  public Optional<Told> at(long sequence) {
    try (EventSource.Walk walk = source.walk(sequence, false)) {
      return walk.next()
          .flatMap(e -> e instanceof LogEntry.Good g ? Optional.of(g.envelope()) : Optional.empty())
          .filter(e -> e.sequence() == sequence)
          .map(Told::of);
    } catch (EventLogException | UnreadableEventException e) {
      return Optional.empty();
    }
  }

  /** How many places of the history could not be read, or did not hold, on the way so far. */
  public long gaps() {
    return gaps;
  }

  private Optional<Told> told(LogEntry entry) {
    gaps += entry instanceof LogEntry.Good ? 0 : 1;
    return switch (entry) {
      case LogEntry.Good good -> told(good.envelope());
      case LogEntry.ChainBroken broken -> {
        notes.accept("the chain is broken: " + broken.detail());
        yield told(broken.envelope());
      }
      case LogEntry.HashWrong wrong -> {
        notes.accept("the hash of event " + wrong.envelope().sequence() + " is wrong");
        yield told(wrong.envelope());
      }
      case LogEntry.Lost lost -> {
        String which =
            lost.firstSequence() == 0
                ? "something"
                : "events " + lost.firstSequence() + " to " + lost.lastSequence();
        notes.accept(which + " cannot be read: " + lost.detail());
        yield Optional.empty();
      }
    };
  }

  private Optional<Told> told(Envelope envelope) {
    try {
      return Optional.of(Told.of(envelope));
    } catch (UnreadableEventException e) {
      if (!passingOver && e.getCause() instanceof NewerFormatException) {
        throw newer(e.getMessage(), e);
      }
      gaps++;
      notes.accept(e.getMessage());
      return Optional.empty();
    }
  }

  /** An answer that leaves out what it does not understand would look whole. */
  private static LookFailure newer(String what, Throwable cause) {
    return new LookFailure(
        what + "; whether it is whole, rewind verify tells in this version as well", cause);
  }

  /**
   * The whole id of what is meant.
   *
   * @throws LookFailure where nothing is, with near matches
   */
  public String find(String id) {
    Optional<String> indexed = index.flatMap(one -> one.find(id));
    if (indexed.isPresent()) {
      return indexed.get();
    }
    SubjectSearch search = new SubjectSearch(id);
    try (EventSource.Walk walk = source.walk(1, false)) {
      Optional<LogEntry> e = walk.next();
      for (; e.isPresent() && !search.certain(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good) {
          search.see(good.encoded().subject());
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
    return search
        .found()
        .or(() -> ofPid(id))
        .orElseThrow(() -> new LookFailure(search.complaint()));
  }

  private Optional<String> ofPid(String id) {
    Optional<PidSearch> pid = PidSearch.of(id);
    pid.ifPresent(
        search ->
            each(
                1,
                PidSearch::concerns,
                told -> {
                  search.see(told);
                  return true;
                }));
    Optional<String> found = pid.flatMap(PidSearch::found);
    found.ifPresent(owner -> notes.accept("pid " + id + " was a process of " + owner));
    return found;
  }

  /**
   * How all events lie around a moment: told by the index where there is one, else each event's
   * time is looked at.
   */
  public Around around(Point.Moment moment) {
    try {
      Around around = Around.NOTHING;
      long known = 0;
      if (index.isPresent()) {
        notes.accept("times were found through the index in " + noIndexHint());
        around = index.get().around(moment.nanos(), source);
        known = index.get().last();
      }
      around = around.and(source.around(known + 1, Long.MAX_VALUE, moment.nanos()));
      if (!around.sound()) {
        gaps++;
        notes.accept(
            "some events cannot be read, and the time "
                + moment.time()
                + " may have come with one of them");
      }
      return around;
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  /** What a point comes down to. */
  Until until(Point point) {
    return switch (point) {
      case Point.Sequence s -> new Until(point, s.sequence(), false);
      case Point.Moment moment -> {
        Around around = around(moment);
        yield new Until(point, around.through(), around.again());
      }
    };
  }

  /** The last event that a point covers, as far as there are any. */
  public long last(Point point) {
    return until(point).sequence();
  }

  /** The first event that lies at or behind a point; {@link Long#MAX_VALUE} for none. */
  public long first(Point point) {
    return switch (point) {
      case Point.Sequence s -> Math.max(1, s.sequence());
      case Point.Moment m -> around(new Point.Moment(m.time().minusNanos(1))).firstAfter();
    };
  }

  private String noIndexHint() {
    return index.map(LifeIndex::place).orElse("") + "; --no-index looks at each event";
  }

  /**
   * Hands out, in order, the events of the life of the thing of that id, as {@link Life} picks
   * them; through the index where there is one, else by looking at every event.
   *
   * @return the life, as it was at its end
   */
  public Life life(String id, Consumer<Told> each) {
    Life life = new Life(id);
    Predicate<Told> take =
        told -> {
          if (life.accept(told)) {
            each.accept(told);
          }
          return true;
        };
    if (index.isPresent()) {
      notes.accept("events were found through the index in " + noIndexHint());
      long last = index.get().life(id, this, take);
      each(last + 1, life::mayAccept, take);
    } else {
      each(1, life::mayAccept, take);
    }
    return life;
  }
}
