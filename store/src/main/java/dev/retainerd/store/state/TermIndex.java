package dev.retainerd.store.state;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.stream.Stream;

/**
 * Which entries of one kind carry a term, as paths in order. One thread changes it, any number read
 * meanwhile; what they see may be a change ahead of the entries, or behind.
 *
 * <p>Small, since it grows with every label there is: terms are held as hashes of 64 bits, so that
 * two might share their paths, and who reads looks whether the entry does carry the term. A term of
 * one entry, as most are, holds its path, that of a few an array, which is replaced, never changed.
 */
final class TermIndex {
  /** Up to so many paths are held in an array. */
  private static final int FEW = 32;

  /** A String, a String[] in order, or a ConcurrentSkipListSet of String. */
  private final ConcurrentHashMap<Long, Object> paths = new ConcurrentHashMap<>();

  void add(List<Term> terms, String path) {
    for (Term term : terms) {
      paths.compute(term.hash(), (hash, held) -> with(held, path));
    }
  }

  void remove(List<Term> terms, String path) {
    for (Term term : terms) {
      paths.computeIfPresent(term.hash(), (hash, held) -> without(held, path));
    }
  }

  /** The paths that begin with {@code prefix}, in order. */
  Iterable<String> of(Term term, String prefix) {
    return switch (held(term)) {
      case ConcurrentSkipListSet<?> many -> from(many, prefix);
      case String one -> one.startsWith(prefix) ? List.of(one) : List.of();
      case String[] few -> () -> Arrays.stream(few).filter(p -> p.startsWith(prefix)).iterator();
      case Object none -> List.of();
    };
  }

  private Object held(Term term) {
    return Optional.ofNullable(paths.get(term.hash())).orElse(List.of());
  }

  private static Iterable<String> from(ConcurrentSkipListSet<?> many, String prefix) {
    @SuppressWarnings("unchecked") // only strings are put in
    ConcurrentSkipListSet<String> strings = (ConcurrentSkipListSet<String>) many;
    return () -> {
      Iterator<String> all = strings.tailSet(prefix, true).iterator();
      return Stream.generate(() -> all.hasNext() ? all.next() : "")
          .takeWhile(path -> !path.isEmpty() && path.startsWith(prefix))
          .iterator();
    };
  }

  private static Object with(Object held, String path) {
    return switch (held) {
      case null -> path;
      case String one when one.equals(path) -> one;
      case String one ->
          one.compareTo(path) < 0 ? new String[] {one, path} : new String[] {path, one};
      case String[] few -> {
        int at = Arrays.binarySearch(few, path);
        if (at >= 0) {
          yield few;
        }
        if (few.length == FEW) {
          ConcurrentSkipListSet<String> many = new ConcurrentSkipListSet<>(List.of(few));
          many.add(path);
          yield many;
        }
        int place = -at - 1;
        String[] more = new String[few.length + 1];
        System.arraycopy(few, 0, more, 0, place);
        more[place] = path;
        System.arraycopy(few, place, more, place + 1, few.length - place);
        yield more;
      }
      default -> {
        @SuppressWarnings("unchecked") // only strings are put in
        ConcurrentSkipListSet<String> many = (ConcurrentSkipListSet<String>) held;
        many.add(path);
        yield many;
      }
    };
  }

  /** Null where nothing is left, as the map wants it. */
  private static Object without(Object held, String path) {
    if (held instanceof String one) {
      return one.equals(path) ? null : one;
    }
    if (held instanceof String[] few) {
      String[] fewer = Arrays.stream(few).filter(p -> !p.equals(path)).toArray(String[]::new);
      return fewer.length == 1 ? fewer[0] : fewer;
    }
    ConcurrentSkipListSet<?> many = (ConcurrentSkipListSet<?>) held;
    many.remove(path);
    return many.isEmpty() ? null : many;
  }
}
