package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * A state on top of another: reads see its own deltas first. Used to fold events that are not
 * durable yet. Not thread-safe.
 */
public final class Overlay implements StateView {
  private final StateView below;
  private final Map<Key<?>, Delta<?>> deltas = new HashMap<>();

  public Overlay(StateView below) {
    this.below = below;
  }

  /** Adds what one event changed. */
  public void apply(Collection<? extends Delta<?>> more) {
    for (Delta<?> delta : more) {
      deltas.put(delta.key(), delta);
    }
  }

  /** The newest delta of every key touched, in no particular order. */
  public List<Delta<?>> deltas() {
    return new ArrayList<>(deltas.values());
  }

  @Override
  public <T extends Message> Optional<T> get(Key<T> key) {
    Delta<T> own = own(key);
    return own != null ? own.entry() : below.get(key);
  }

  @Override
  public <T extends Message> void forEach(
      Kind<T> kind, String namespace, String prefix, BiConsumer<String, T> visitor) {
    TreeMap<String, T> merged = new TreeMap<>();
    below.forEach(kind, namespace, prefix, merged::put);
    for (Key<?> key : deltas.keySet()) {
      if (key.kind() == kind && key.namespace().equals(namespace) && key.id().startsWith(prefix)) {
        merge(merged, key.id(), own(kind.key(namespace, key.id())).entry());
      }
    }
    merged.forEach(visitor);
  }

  @Override
  public <T extends Message> void forEach(Kind<T> kind, BiConsumer<Key<T>, T> visitor) {
    TreeMap<String, T> merged = new TreeMap<>();
    below.forEach(kind, (key, entry) -> merged.put(key.path(), entry));
    for (Key<?> key : deltas.keySet()) {
      if (key.kind() == kind) {
        merge(merged, key.path(), own(kind.key(key.namespace(), key.id())).entry());
      }
    }
    merged.forEach((path, entry) -> visitor.accept(Key.ofPath(kind, path), entry));
  }

  private static <T> void merge(TreeMap<String, T> into, String path, Optional<T> entry) {
    if (entry.isPresent()) {
      into.put(path, entry.get());
    } else {
      into.remove(path);
    }
  }

  @SuppressWarnings("unchecked") // a delta's entry is of its key's type
  private <T extends Message> Delta<T> own(Key<T> key) {
    return (Delta<T>) deltas.get(key);
  }
}
