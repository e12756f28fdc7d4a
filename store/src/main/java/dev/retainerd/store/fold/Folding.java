package dev.retainerd.store.fold;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.proto.Provenance;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One fold of one event under way: what it reads, where it stands, what it has changed. Not
 * thread-safe.
 */
final class Folding {
  private final StateView view;
  private final EventHeader at;
  private final EventType type;
  private final List<Delta<?>> deltas = new ArrayList<>(2);

  Folding(StateView view, EventHeader at, EventType type) {
    this.view = view;
    this.at = at;
    this.type = type;
  }

  EventHeader at() {
    return at;
  }

  EventType type() {
    return type;
  }

  StateView view() {
    return view;
  }

  List<Delta<?>> deltas() {
    return deltas;
  }

  /** A key in the event's namespace. */
  <T extends Message> Key<T> key(Kind<T> kind, String id) {
    return kind.key(at.namespace(), id);
  }

  <T extends Message> Optional<T> find(Kind<T> kind, String id) {
    return view.get(key(kind, id));
  }

  /** The entry, which must be there. */
  <T extends Message> T existing(Kind<T> kind, String id) {
    return find(kind, id)
        .orElseThrow(() -> new IllegalTransitionException(kind + " " + id, "absent", type));
  }

  <T extends Message> void mustBeAbsent(Kind<T> kind, String id) {
    if (find(kind, id).isPresent()) {
      throw new IllegalTransitionException(kind + " " + id, "there already", type);
    }
  }

  <T extends Message> void put(Key<T> key, T entry) {
    deltas.add(Delta.put(key, entry));
  }

  <T extends Message> void put(Kind<T> kind, String id, T entry) {
    put(key(kind, id), entry);
  }

  <T extends Message> void remove(Key<T> key) {
    deltas.add(Delta.remove(key));
  }

  <T extends Message> void remove(Kind<T> kind, String id) {
    remove(key(kind, id));
  }

  /** Provenance of something that this event brings into being. */
  Provenance born() {
    return Provenance.newBuilder()
        .setCreated(at.sequence())
        .setChanged(at.sequence())
        .setChangedAtNanos(at.wallNanos())
        .build();
  }

  /** Provenance of something that this event changes. */
  Provenance changed(Provenance before) {
    return before.toBuilder().setChanged(at.sequence()).setChangedAtNanos(at.wallNanos()).build();
  }
}
