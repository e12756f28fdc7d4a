package dev.retainerd.replay.index;

import dev.retainerd.replay.history.Around;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LifeIndex;
import dev.retainerd.store.words.Told;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/** An index as segments, one after the other, from a log's first event on. */
public final class SegmentedIndex implements LifeIndex {
  /** Events that are nearer than this are reached by reading on. */
  private static final long NEAR_EVENTS = 600;

  private final Path folder;
  private final List<Segment> segments;

  SegmentedIndex(Path folder, List<Segment> segments) {
    this.folder = folder;
    this.segments = List.copyOf(segments);
  }

  @Override
  public String place() {
    return folder.toString();
  }

  @Override
  public Around around(long nanos, EventSource source) {
    long firstAfter = Long.MAX_VALUE;
    long lastUpTo = 0;
    boolean sound = true;
    for (Segment segment : segments) {
      for (int i = 0; i < segment.spans() && firstAfter == Long.MAX_VALUE; i++) {
        if (segment.span(i).latest() > nanos) {
          Around here = around(segment.span(i), nanos, source);
          firstAfter = here.firstAfter();
          sound &= here.sound();
        }
      }
    }
    for (Segment segment : segments.reversed()) {
      for (int i = segment.spans() - 1; i >= 0 && lastUpTo == 0; i--) {
        if (segment.span(i).earliest() <= nanos) {
          Around here = around(segment.span(i), nanos, source);
          lastUpTo = here.lastUpTo();
          sound &= here.sound();
        }
      }
    }
    return new Around(firstAfter, lastUpTo, sound);
  }

  /** Reads the events, where some are of up to that moment and some are not. */
  private static Around around(Segment.Span span, long nanos, EventSource source) {
    if (span.latest() <= nanos) {
      return new Around(Long.MAX_VALUE, span.last(), true);
    }
    return span.earliest() > nanos
        ? new Around(span.first(), 0, true)
        : source.around(span.first(), span.last(), nanos);
  }

  @Override
  public long last() {
    return segments.getLast().last();
  }

  private List<Long> sequences(String term) {
    List<Long> all = new ArrayList<>();
    segments.forEach(segment -> all.addAll(segment.sequences(term)));
    return all;
  }

  @Override
  public Optional<String> find(String id) {
    if (id.isEmpty() || id.charAt(0) == '\0') {
      return Optional.empty();
    }
    if (segments.stream().anyMatch(segment -> !segment.sequences(id).isEmpty())) {
      return Optional.of(id);
    }
    Set<String> begun = new HashSet<>();
    segments.forEach(segment -> begun.addAll(segment.beginning(id, 2)));
    // Parts of names stand in the index as well: what they are parts of decides.
    return begun.size() == 1 && begun.iterator().next().indexOf('/') < 0
        ? Optional.of(begun.iterator().next())
        : Optional.empty();
  }

  @Override
  public long life(String id, History history, Predicate<Told> take) {
    TreeSet<Long> wanted = new TreeSet<>(sequences(Terms.NODE));
    Set<String> asked = new HashSet<>();
    ArrayDeque<String> terms = new ArrayDeque<>(List.of(id));
    while (!terms.isEmpty()) {
      String term = terms.poll();
      if (!asked.add(term)) {
        continue;
      }
      wanted.addAll(sequences(term));
      each(
          history,
          sequences(Terms.link(term)),
          told -> {
            terms.addAll(Terms.leadsTo(id, told));
            return true;
          });
    }
    each(history, new ArrayList<>(wanted), take);
    return last();
  }

  /** Reads these events, in order, with few jumps. */
  private static void each(History history, List<Long> sequences, Predicate<Told> take) {
    int at = 0;
    while (at < sequences.size()) {
      int end = at + 1;
      while (end < sequences.size() && sequences.get(end) - sequences.get(end - 1) < NEAR_EVENTS) {
        end++;
      }
      Set<Long> here = new HashSet<>(sequences.subList(at, end));
      long last = sequences.get(end - 1);
      history.each(
          sequences.get(at),
          encoded -> here.contains(encoded.sequence()) || encoded.sequence() > last,
          told -> told.sequence() <= last && take.test(told) && told.sequence() < last);
      at = end;
    }
  }
}
