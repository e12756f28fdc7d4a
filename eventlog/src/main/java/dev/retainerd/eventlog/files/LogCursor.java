package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.EnvelopeHash;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/**
 * Walks through the events of a log in order, over all generations, past anything unreadable. It
 * reads files only. One thread at a time.
 */
public final class LogCursor implements Closeable {

  /** Where a cursor gets the generations from, which grow in number while it walks. */
  @FunctionalInterface
  public interface Generations {
    /** Those there are now, oldest first. */
    List<Generation> now() throws IOException;
  }

  private final Generations generations;
  private final EnvelopeHash hasher = new EnvelopeHash();
  private final boolean verify;
  private final ArrayDeque<LogEntry> pending = new ArrayDeque<>();

  private Generation current;
  private Optional<Generation> successor = Optional.empty();
  private RecordSource source;
  private RecordScanner scanner;
  private Path file;
  private long wanted;
  private long expected;
  private byte[] previous;
  private String hole = "";
  private boolean searched;
  private boolean heldAgainstSeal;
  private String tail = "";

  /**
   * A cursor whose first event is {@code from}, or the first there is where that is later.
   *
   * @param verify whether chain and hash are checked; CRC and sequence always are
   */
  public LogCursor(Generations generations, long from, boolean verify) throws IOException {
    this.generations = generations;
    this.verify = verify;
    this.wanted = Math.max(1, from);
  }

  /** The sequence expected next. */
  public long nextSequence() {
    for (LogEntry entry : pending) {
      switch (entry) {
        case LogEntry.Good good -> {
          return good.encoded().sequence();
        }
        case LogEntry.ChainBroken broken -> {
          return broken.envelope().sequence();
        }
        case LogEntry.HashWrong wrong -> {
          return wrong.envelope().sequence();
        }
        case LogEntry.Lost lost -> {}
      }
    }
    return Math.max(wanted, expected);
  }

  /** What is unreadable at the very end of the log as it was last seen; "" for nothing. */
  public String tail() {
    return tail;
  }

  /** The next entry; empty at the end of what there is now. Later calls see what came meanwhile. */
  public Optional<LogEntry> next() throws IOException {
    while (true) {
      if (!pending.isEmpty()) {
        return Optional.of(pending.poll());
      }
      if (scanner == null && !start()) {
        return Optional.empty();
      }
      boolean ended = successor.isPresent() || current.seal().isPresent();
      RecordScanner.Found found = scanner.next(ended || !searched);
      switch (found) {
        case RecordScanner.Sound sound -> take(sound);
        case RecordScanner.Hole h -> hole = h.why();
        case RecordScanner.End end -> {
          searched = true;
          tail = end.why();
          if (!advance(end)) {
            return Optional.empty();
          }
        }
      }
    }
  }

  /**
   * Tells sequence and wall time of the events that come next, as long as all is in order: faster
   * than {@link #next}, which has to be asked for the first event and for whatever comes then. CRC
   * and sequence are checked; nothing is told where the chain is to be checked as well.
   *
   * @param last the last event that is wanted
   */
  public void skim(long last, RecordScanner.Times told) throws IOException {
    if (verify || scanner == null || !pending.isEmpty() || !hole.isEmpty() || expected < wanted) {
      return;
    }
    long through =
        successor.isPresent() ? Math.min(last, successor.get().firstSequence() - 1) : last;
    expected = scanner.skim(expected, through, told);
  }

  private void take(RecordScanner.Sound sound) throws IOException {
    EncodedEnvelope envelope = sound.encoded();
    long sequence = envelope.sequence();
    if (successor.isPresent() && sequence >= successor.get().firstSequence()) {
      advance(new RecordScanner.End(sound.position(), true, ""));
      return;
    }
    LogEntry.Place place = new LogEntry.Place(current.number(), file, sound.position());
    boolean skipped = sequence < wanted;
    if (!skipped && expected > 0) {
      lost(place, sequence - 1);
    }
    hole = "";
    boolean continues = expected == 0 || sequence == expected;
    boolean follows = previous == null || sequence != expected || envelope.follows(previous);
    if (!skipped) {
      pending.add(judge(place, sound, continues || sequence > expected, follows));
      if (verify && !sound.padded()) {
        pending.add(
            new LogEntry.Lost(place, 0, 0, "bytes behind event " + sequence + " are not its"));
      }
    }
    if (sequence >= expected) {
      expected = sequence + 1;
      previous = verify ? envelope.hash() : null;
    }
  }

  private LogEntry judge(
      LogEntry.Place place, RecordScanner.Sound sound, boolean continues, boolean follows) {
    EncodedEnvelope envelope = sound.encoded();
    if (!continues) {
      return new LogEntry.ChainBroken(
          place,
          envelope.envelope(),
          "event " + envelope.sequence() + " stands where " + expected + " should be");
    }
    if (!verify) {
      return new LogEntry.Good(place, envelope);
    }
    if (!hasher.holds(envelope)) {
      return new LogEntry.HashWrong(place, envelope.envelope());
    }
    if (!follows) {
      return new LogEntry.ChainBroken(
          place,
          envelope.envelope(),
          "event " + envelope.sequence() + " names another predecessor than the event before it");
    }
    return new LogEntry.Good(place, envelope);
  }

  /** Reports what is missing up to {@code through}, or a hole that took no event. */
  private void lost(LogEntry.Place place, long through) {
    long first = Math.max(expected, wanted);
    if (through >= first) {
      String why = hole.isEmpty() ? "they are not in the log" : hole;
      pending.add(new LogEntry.Lost(place, first, through, why));
      previous = null;
    } else if (!hole.isEmpty()) {
      pending.add(new LogEntry.Lost(place, 0, 0, hole));
    }
    hole = "";
  }

  /** Opens the generation that holds the first event wanted; false while there is none. */
  private boolean start() throws IOException {
    List<Generation> all = generations.now();
    if (all.isEmpty()) {
      return false;
    }
    int at = 0;
    while (at + 1 < all.size() && all.get(at + 1).firstSequence() <= wanted) {
      at++;
    }
    return open(all, at, true);
  }

  private boolean open(List<Generation> all, int at, boolean seek) throws IOException {
    Generation generation = whereItIsNow(all.get(at));
    Optional<Path> records = generation.recordFile();
    Optional<Generation> next =
        at + 1 < all.size() ? Optional.of(all.get(at + 1)) : Optional.empty();
    if (records.isEmpty() && next.isEmpty() && generation.seal().isEmpty()) {
      return false;
    }
    closeSource();
    current = generation;
    successor = next;
    searched = false;
    heldAgainstSeal = false;
    file = records.orElse(generation.folder());
    source = RecordSource.of(generation);
    long limit = generation.seal().map(Generation.Seal::endPosition).orElse(Long.MAX_VALUE);
    long from = 0;
    if (seek) {
      from = wanted > generation.firstSequence() ? hint(limit) : 0;
      expected = from == 0 ? generation.firstSequence() : 0;
      previous = verify && from == 0 ? generation.start().previousHash() : null;
    }
    scanner = new RecordScanner(source, from, limit);
    return true;
  }

  /** It may have been packed and moved to the archive since its place was asked for. */
  private Generation whereItIsNow(Generation generation) throws IOException {
    if (generation.archived() || generation.recordFile().isPresent()) {
      return generation;
    }
    return generations.now().stream()
        .filter(one -> one.number() == generation.number())
        .findFirst()
        .orElse(generation);
  }

  /** A position at or before the event wanted that is known to hold a sound record. */
  private long hint(long limit) throws IOException {
    long position = Positions.before(current.folder(), wanted);
    if (position <= 0 || position >= Math.min(limit, source.size())) {
      return 0;
    }
    RecordScanner trial = new RecordScanner(source, position, limit);
    return trial.next(false) instanceof RecordScanner.Sound sound
            && sound.position() == position
            && sound.envelope().sequence() <= wanted
            && sound.envelope().sequence() >= current.firstSequence()
        ? position
        : 0;
  }

  /** Goes on to the next generation; false where this one may still grow. */
  private boolean advance(RecordScanner.End end) throws IOException {
    List<Generation> all = generations.now();
    int at = 0;
    while (at < all.size() && all.get(at).number() < current.number()) {
      at++;
    }
    boolean here = at < all.size() && all.get(at).number() == current.number();
    boolean more = here ? at + 1 < all.size() : at < all.size();
    if (!more) {
      if (here && all.get(at).seal().isPresent() && !heldAgainstSeal) {
        if (current.seal().isEmpty()) {
          // It was sealed while this cursor stood at its end: look once more for its last events.
          current = all.get(at);
          return true;
        }
        heldAgainstSeal = true;
        current = all.get(at);
        missedBeforeSeal(end);
        return !pending.isEmpty();
      }
      return false;
    }
    if (here && successor.isEmpty()) {
      // It ended while this cursor stood at its end: look once more for its last events.
      current = all.get(at);
      successor = Optional.of(all.get(at + 1));
      return true;
    }
    missedBeforeSeal(end);
    return moveTo(all, here ? at + 1 : at);
  }

  private void missedBeforeSeal(RecordScanner.End end) {
    LogEntry.Place place = new LogEntry.Place(current.number(), file, end.position());
    if (hole.isEmpty()) {
      hole = end.why();
    }
    if (current.seal().isPresent()) {
      lost(place, current.seal().get().lastSequence());
      expected = Math.max(expected, current.seal().get().lastSequence() + 1);
    }
    hole = "";
  }

  private boolean moveTo(List<Generation> all, int at) throws IOException {
    Generation next = all.get(at);
    if (!open(all, at, false)) {
      return false;
    }
    LogEntry.Place place = new LogEntry.Place(next.number(), file, 0);
    if (expected > 0) {
      lost(place, next.firstSequence() - 1);
    }
    if (expected != next.firstSequence() || previous == null) {
      previous = verify ? next.start().previousHash() : null;
    }
    expected = next.firstSequence();
    return true;
  }

  private void closeSource() throws IOException {
    if (source != null) {
      source.close();
      source = null;
      scanner = null;
    }
  }

  @Override
  public void close() throws IOException {
    closeSource();
  }
}
