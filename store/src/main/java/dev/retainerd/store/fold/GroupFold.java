package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.GroupCreatedPayload;
import dev.retainerd.eventlog.proto.GroupRecord;
import dev.retainerd.store.proto.GroupEntry;
import dev.retainerd.store.proto.GroupPhase;
import dev.retainerd.store.proto.GroupRecordEntry;
import dev.retainerd.store.state.Kind;
import java.util.Optional;

/** Events about sandboxes of clients of containerd's API: their records, and what runs. */
final class GroupFold {

  private GroupFold() {}

  static void fold(Folding f, Event.OfGroup event) {
    switch (event) {
      case Event.GroupRecorded e -> recorded(f, e.payload().getGroup());
      case Event.GroupRecordUpdated e -> updated(f, e.payload().getGroup());
      case Event.GroupRecordDeleted e -> deleted(f, e.payload().getId());
      case Event.GroupCreated e -> created(f, e.payload());
      case Event.GroupStarted e -> moved(f, e.payload().getId());
      case Event.GroupStopped e -> moved(f, e.payload().getId());
      case Event.GroupRemoved e -> moved(f, e.payload().getId());
    }
  }

  private static void recorded(Folding f, GroupRecord group) {
    f.mustBeAbsent(Kind.GROUP_RECORD, group.getId());
    f.put(
        Kind.GROUP_RECORD,
        group.getId(),
        GroupRecordEntry.newBuilder().setProvenance(f.born()).setGroup(group).build());
  }

  private static void updated(Folding f, GroupRecord group) {
    GroupRecordEntry before = f.existing(Kind.GROUP_RECORD, group.getId());
    f.put(
        Kind.GROUP_RECORD,
        group.getId(),
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .setGroup(group)
            .build());
  }

  private static void deleted(Folding f, String id) {
    f.existing(Kind.GROUP_RECORD, id);
    f.remove(Kind.GROUP_RECORD, id);
  }

  private static void created(Folding f, GroupCreatedPayload p) {
    Optional<GroupPhase> phase = f.find(Kind.GROUP, p.getId()).map(GroupEntry::getPhase);
    GroupPhase next = Lifecycles.GROUP.next(p.getId(), phase, f.type()).orElseThrow();
    f.put(
        Kind.GROUP,
        p.getId(),
        GroupEntry.newBuilder()
            .setProvenance(f.born())
            .setId(p.getId())
            .setPhase(next)
            .setNetnsPath(p.getNetnsPath())
            .setCreatedAtNanos(f.at().wallNanos())
            .build());
  }

  /** Events that move it along its lifecycle, or end it. */
  private static void moved(Folding f, String id) {
    GroupEntry before = f.existing(Kind.GROUP, id);
    Optional<GroupPhase> next = Lifecycles.GROUP.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.GROUP, id);
      return;
    }
    GroupEntry.Builder after =
        before.toBuilder().setProvenance(f.changed(before.getProvenance())).setPhase(next.get());
    if (next.get() == GroupPhase.GROUP_PHASE_READY) {
      after.setStartedAtNanos(f.at().wallNanos());
    } else {
      after.setStoppedAtNanos(f.at().wallNanos());
    }
    f.put(Kind.GROUP, id, after.build());
  }
}
