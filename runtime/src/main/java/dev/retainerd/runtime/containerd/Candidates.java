package dev.retainerd.runtime.containerd;

import com.google.protobuf.Message;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.store.state.Term;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * The entries that a filter may select: found by the index where each of its alternatives asks for
 * a certain label or id, else all. Whoever visits them still applies the filter. Pure.
 */
final class Candidates {

  /** One way to find what an alternative of a filter may select. */
  private sealed interface Way {
    record ById(String id) implements Way {}

    record ByTerm(Term term) implements Way {}
  }

  private Candidates() {}

  /**
   * Visits them in order of id.
   *
   * @param idField the field of the filter that holds the id
   */
  static <T extends Message> void forEach(
      StateView state,
      Kind<T> kind,
      String namespace,
      Filter filter,
      String idField,
      BiConsumer<String, T> visitor) {
    Optional<List<Way>> ways = ways(filter, idField);
    if (ways.isEmpty()) {
      state.forEach(kind, namespace, "", visitor);
      return;
    }
    TreeMap<String, T> found = new TreeMap<>();
    for (Way way : ways.get()) {
      switch (way) {
        case Way.ById one ->
            valid(kind, namespace, one.id())
                .flatMap(state::get)
                .ifPresent(entry -> found.put(one.id(), entry));
        case Way.ByTerm by -> state.forEach(kind, namespace, by.term(), found::put);
      }
    }
    found.forEach(visitor);
  }

  private static <T extends Message> Optional<Key<T>> valid(
      Kind<T> kind, String namespace, String id) {
    return id.indexOf('\0') < 0 ? Optional.of(kind.key(namespace, id)) : Optional.empty();
  }

  /** Empty where some alternative can only be decided by looking at everything. */
  private static Optional<List<Way>> ways(Filter filter, String idField) {
    return switch (filter) {
      case Filter.Equal equal -> way(equal, idField).map(List::of);
      case Filter.All all ->
          all.filters().stream()
              .map(part -> ways(part, idField))
              .flatMap(Optional::stream)
              .min(Comparator.comparingInt(List::size));
      case Filter.Any any -> {
        List<Way> every = new ArrayList<>();
        for (Filter alternative : any.filters()) {
          Optional<List<Way>> some = ways(alternative, idField);
          if (some.isEmpty()) {
            yield Optional.empty();
          }
          every.addAll(some.get());
        }
        yield Optional.of(every);
      }
      case Filter.Present p -> Optional.empty();
      case Filter.Unequal u -> Optional.empty();
      case Filter.Found f -> Optional.empty();
    };
  }

  private static Optional<Way> way(Filter.Equal equal, String idField) {
    List<String> path = equal.path();
    if (path.size() == 1 && path.getFirst().equals(idField)) {
      return Optional.of(new Way.ById(equal.value()));
    }
    return path.size() > 1 && path.getFirst().equals("labels")
        ? Optional.of(
            new Way.ByTerm(
                Term.label(String.join(".", path.subList(1, path.size())), equal.value())))
        : Optional.empty();
  }
}
