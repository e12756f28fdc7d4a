package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.Optional;
import java.util.function.BiConsumer;

/** Reads the state. What it hands out is immutable. */
public interface StateView {

  /** The entry of that key, or empty. */
  <T extends Message> Optional<T> get(Key<T> key);

  /**
   * Visits every entry of a kind in a namespace whose id starts with {@code prefix}, in order of
   * id.
   */
  <T extends Message> void forEach(
      Kind<T> kind, String namespace, String prefix, BiConsumer<String, T> visitor);

  /** Visits every entry of a kind in all namespaces, ordered by namespace and id. */
  <T extends Message> void forEach(Kind<T> kind, BiConsumer<Key<T>, T> visitor);

  /** Visits every entry of a kind in a namespace that carries a term, in order of id. */
  default <T extends Message> void forEach(
      Kind<T> kind, String namespace, Term term, BiConsumer<String, T> visitor) {
    forEach(
        kind,
        namespace,
        "",
        (id, entry) -> {
          if (kind.terms().carries(entry, term)) {
            visitor.accept(id, entry);
          }
        });
  }
}
