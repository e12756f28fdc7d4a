package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Kind;
import java.util.Optional;

/** Events about container records. */
final class ContainerFold {

  private ContainerFold() {}

  /** Creating, created, updated: the event carries the whole record. */
  static void stated(Folding f, ContainerRecord record) {
    String id = record.getId();
    Optional<ContainerEntry> before = f.find(Kind.CONTAINER, id);
    Optional<ContainerPhase> phase = before.map(ContainerEntry::getPhase);
    if (phase.equals(Optional.of(ContainerPhase.CONTAINER_PHASE_CREATED))
        && f.type() == dev.retainerd.eventlog.event.EventType.CONTAINER_CREATED) {
      throw new IllegalTransitionException("container " + id, "CREATED", f.type());
    }
    ContainerPhase next = Lifecycles.CONTAINER.next(id, phase, f.type()).orElseThrow();
    ContainerEntry.Builder entry =
        before
            .map(b -> b.toBuilder().setProvenance(f.changed(b.getProvenance())))
            .orElseGet(() -> ContainerEntry.newBuilder().setProvenance(f.born()));
    f.put(Kind.CONTAINER, id, entry.setPhase(next).setContainer(SharedStrings.of(record)).build());
    if (record.hasSpec()) {
      f.put(
          Kind.SPEC,
          id,
          SpecEntry.newBuilder().setProvenance(f.born()).setSpec(record.getSpec()).build());
    }
  }

  /** Events that only move it along its lifecycle, or end it. */
  static void moved(Folding f, String id) {
    ContainerEntry before = f.existing(Kind.CONTAINER, id);
    Optional<ContainerPhase> next =
        Lifecycles.CONTAINER.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.CONTAINER, id);
      f.remove(Kind.SPEC, id);
      return;
    }
    f.put(
        Kind.CONTAINER,
        id,
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }
}
