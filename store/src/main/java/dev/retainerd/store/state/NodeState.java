package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.BiConsumer;

/**
 * The node's state in memory: what the fold made of the log up to {@link #sequence()}.
 *
 * <p>One thread applies deltas; any number read at the same time without waiting. A reader that
 * looks at several entries may see them at neighbouring sequences, each entry by itself being
 * whole.
 */
public final class NodeState implements StateView {

  /** Where entries of kinds that are not resident are read from. */
  @FunctionalInterface
  public interface ColdEntries {
    <T extends Message> Optional<T> get(Key<T> key);
  }

  private final Map<Kind<?>, ConcurrentNavigableMap<String, Message>> tables =
      new IdentityHashMap<>();
  private final Optional<ColdEntries> cold;
  private volatile long sequence;

  private NodeState(Optional<ColdEntries> cold) {
    this.cold = cold;
    for (Kind<?> kind : Kind.ALL) {
      tables.put(kind, new ConcurrentSkipListMap<>());
    }
  }

  /** A state that holds everything in memory. */
  public static NodeState inMemory() {
    return new NodeState(Optional.empty());
  }

  /** A state whose non-resident kinds are read through {@code cold}. */
  public static NodeState withCold(ColdEntries cold) {
    return new NodeState(Optional.of(cold));
  }

  /** The sequence of the last event applied; 0 before the first. */
  public long sequence() {
    return sequence;
  }

  /** Applies what the events up to {@code sequence} changed. One thread only. */
  public void apply(long upTo, Collection<? extends Delta<?>> deltas) {
    for (Delta<?> delta : deltas) {
      apply(delta);
    }
    sequence = upTo;
  }

  private <T extends Message> void apply(Delta<T> delta) {
    Key<T> key = delta.key();
    if (!key.kind().resident() && cold.isPresent()) {
      return;
    }
    ConcurrentNavigableMap<String, Message> table = tables.get(key.kind());
    if (delta.entry().isPresent()) {
      table.put(key.path(), delta.entry().get());
    } else {
      table.remove(key.path());
    }
  }

  @Override
  public <T extends Message> Optional<T> get(Key<T> key) {
    if (!key.kind().resident() && cold.isPresent()) {
      return cold.get().get(key);
    }
    return Optional.ofNullable(this.<T>table(key.kind()).get(key.path()));
  }

  @Override
  public <T extends Message> void forEach(
      Kind<T> kind, String namespace, String prefix, BiConsumer<String, T> visitor) {
    String from = namespace + Key.SEPARATOR + prefix;
    int idAt = namespace.length() + 1;
    for (Map.Entry<String, T> entry : this.<T>table(kind).tailMap(from, true).entrySet()) {
      if (!entry.getKey().startsWith(from)) {
        return;
      }
      visitor.accept(entry.getKey().substring(idAt), entry.getValue());
    }
  }

  @Override
  public <T extends Message> void forEach(Kind<T> kind, BiConsumer<Key<T>, T> visitor) {
    this.<T>table(kind).forEach((path, entry) -> visitor.accept(Key.ofPath(kind, path), entry));
  }

  /** All entries of a kind in a namespace, in order of id. */
  public <T extends Message> List<T> list(Kind<T> kind, String namespace) {
    List<T> found = new ArrayList<>();
    forEach(kind, namespace, "", (id, entry) -> found.add(entry));
    return found;
  }

  /** How many entries of a kind there are, in all namespaces. */
  public int count(Kind<?> kind) {
    return tables.get(kind).size();
  }

  @SuppressWarnings("unchecked") // apply() puts only T under Kind<T>
  private <T extends Message> ConcurrentNavigableMap<String, T> table(Kind<T> kind) {
    return (ConcurrentNavigableMap<String, T>) (ConcurrentNavigableMap<String, ?>) tables.get(kind);
  }
}
