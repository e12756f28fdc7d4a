package dev.retainerd.store.snapshot;

import com.google.protobuf.Message;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;

/** The entries of a state that stands still, as the store keeps them: the same each time. */
@FunctionalInterface
public interface StateEntries {

  /** Gets entries: kind by kind in the order of {@link Kind#ALL}, each kind by key. */
  @FunctionalInterface
  interface Visitor {
    /**
     * One entry.
     *
     * @param path {@link dev.retainerd.store.state.Key#path()}
     * @param value its bytes; the same entry has the same bytes always
     */
    void visit(Kind<?> kind, String path, byte[] value);
  }

  void forEach(Visitor visitor);

  /** Those of a state that is all in memory, and that nobody changes meanwhile. */
  static StateEntries of(NodeState state) {
    return visitor -> Kind.ALL.forEach(kind -> visit(state, kind, visitor));
  }

  private static <T extends Message> void visit(NodeState state, Kind<T> kind, Visitor visitor) {
    state.forEach(kind, (key, entry) -> visitor.visit(kind, key.path(), EntryBytes.of(entry)));
  }
}
