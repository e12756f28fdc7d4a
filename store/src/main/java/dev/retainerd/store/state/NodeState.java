package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.Collection;
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

  /** One of each for every kind, in the order of {@link Kind#ALL}. */
  private final List<ConcurrentNavigableMap<String, Message>> tables = new ArrayList<>();

  private final List<TermIndex> indexes = new ArrayList<>();
  private final Optional<ColdEntries> cold;
  private volatile long sequence;

  private NodeState(Optional<ColdEntries> cold) {
    this.cold = cold;
    for (Kind<?> kind : Kind.ALL) {
      tables.add(new ConcurrentSkipListMap<>());
      indexes.add(new TermIndex());
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
    ConcurrentNavigableMap<String, T> table = table(key.kind());
    TermIndex index = indexes.get(key.kind().ordinal());
    Terms<T> terms = key.kind().terms();
    String path = key.path();
    if (delta.entry().isPresent()) {
      T after = delta.entry().get();
      T before = table.put(path, after);
      if (before == null || !terms.same(before, after)) {
        List<Term> carried = terms.of(after);
        if (before != null) {
          List<Term> gone = terms.of(before);
          gone.removeAll(carried);
          index.remove(gone, path);
        }
        index.add(carried, path);
      }
    } else {
      T before = table.remove(path);
      if (before != null) {
        index.remove(terms.of(before), path);
      }
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

  @Override
  public <T extends Message> void forEach(
      Kind<T> kind, String namespace, Term term, BiConsumer<String, T> visitor) {
    ConcurrentNavigableMap<String, T> table = table(kind);
    String prefix = namespace + Key.SEPARATOR;
    for (String path : indexes.get(kind.ordinal()).of(term, prefix)) {
      T entry = table.get(path);
      // Between the index and the entry a change may have come.
      if (entry != null && kind.terms().carries(entry, term)) {
        visitor.accept(path.substring(prefix.length()), entry);
      }
    }
  }

  /** All entries of a kind in a namespace, in order of id. */
  public <T extends Message> List<T> list(Kind<T> kind, String namespace) {
    List<T> found = new ArrayList<>();
    forEach(kind, namespace, "", (id, entry) -> found.add(entry));
    return found;
  }

  /** How many entries of a kind there are, in all namespaces. */
  public int count(Kind<?> kind) {
    return tables.get(kind.ordinal()).size();
  }

  @SuppressWarnings("unchecked") // apply() puts only T under Kind<T>
  private <T extends Message> ConcurrentNavigableMap<String, T> table(Kind<T> kind) {
    return (ConcurrentNavigableMap<String, T>)
        (ConcurrentNavigableMap<String, ?>) tables.get(kind.ordinal());
  }
}
