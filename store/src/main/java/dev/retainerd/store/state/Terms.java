package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * By what the entries of a kind can be looked up.
 *
 * @param carrier the part of an entry that alone decides on its terms: where it is the same object
 *     before and after a change, so are the terms
 * @param labels the entry's labels, each of which is a term
 * @param others hands out the entry's terms beside its labels
 */
record Terms<T extends Message>(
    Function<T, Object> carrier,
    Function<T, Map<String, String>> labels,
    BiConsumer<T, Consumer<Term>> others) {

  /** No terms: entries of this kind are found by id alone. */
  static <T extends Message> Terms<T> none() {
    return new Terms<>(entry -> "", entry -> Map.of(), (entry, term) -> {});
  }

  List<Term> of(T entry) {
    List<Term> terms = new ArrayList<>();
    labels.apply(entry).forEach((key, value) -> terms.add(Term.label(key, value)));
    others.accept(entry, terms::add);
    return terms;
  }

  boolean carries(T entry, Term term) {
    Optional<Map.Entry<String, String>> label = term.asLabel();
    if (label.isPresent()) {
      return label.get().getValue().equals(labels.apply(entry).get(label.get().getKey()));
    }
    List<Term> beside = new ArrayList<>();
    others.accept(entry, beside::add);
    return beside.contains(term);
  }

  boolean same(T before, T after) {
    return carrier.apply(before) == carrier.apply(after);
  }
}
