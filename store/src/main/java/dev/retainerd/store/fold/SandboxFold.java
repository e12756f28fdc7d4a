package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxEndedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkAttachedPayload;
import dev.retainerd.eventlog.proto.SandboxResourcesUpdatedPayload;
import dev.retainerd.eventlog.proto.SandboxStoppedPayload;
import dev.retainerd.store.proto.SandboxCheckpoint;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.state.Kind;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Events about sandboxes. */
final class SandboxFold {

  private SandboxFold() {}

  static void creating(Folding f, SandboxCreatingPayload p) {
    String id = p.getSandbox().getId();
    Optional<SandboxPhase> phase = f.find(Kind.SANDBOX, id).map(SandboxEntry::getPhase);
    SandboxPhase next = Lifecycles.SANDBOX.next(id, phase, f.type()).orElseThrow();
    f.put(
        Kind.SANDBOX,
        id,
        SandboxEntry.newBuilder()
            .setProvenance(f.born())
            .setSandbox(SharedStrings.of(p.getSandbox()))
            .setRestoring(!p.getSandbox().getRestoredFrom().isEmpty())
            .setPhase(next)
            .build());
  }

  static void attached(Folding f, SandboxNetworkAttachedPayload p) {
    changed(f, p.getId(), e -> e.clearAttachments().addAllAttachments(p.getAttachmentsList()));
  }

  static void created(Folding f, SandboxCreatedPayload p) {
    changed(f, p.getId(), e -> e.setShimId(p.getShimId()));
  }

  static void detached(Folding f, String id) {
    // The addresses stay readable in the history; the live state says what is true now.
    changed(f, id, SandboxEntry.Builder::clearAttachments);
  }

  static void stopped(Folding f, SandboxStoppedPayload p) {
    changed(f, p.getId(), e -> p.getReason().isEmpty() ? e : e.setStopReason(p.getReason()));
  }

  static void ended(Folding f, SandboxEndedPayload p) {
    changed(f, p.getId(), e -> e.setStopReason(p.getReason()));
  }

  static void resources(Folding f, SandboxResourcesUpdatedPayload p) {
    changed(f, p.getId(), e -> e.setOverhead(p.getOverhead()).setResources(p.getResources()));
  }

  static void checkpoint(Folding f, Event.OfPodCheckpoint event) {
    switch (event) {
      case Event.SandboxCheckpointing e ->
          changed(
              f,
              e.sandboxId(),
              pod ->
                  pod.setCheckpoint(
                      SandboxCheckpoint.newBuilder()
                          .setPath(e.payload().getPath())
                          .addAllContainerIds(e.payload().getContainerIdsList())
                          .setArchive(e.payload().getArchive())));
      case Event.SandboxCheckpointed e ->
          changed(f, e.sandboxId(), SandboxEntry.Builder::clearCheckpoint);
      case Event.SandboxCheckpointFailed e ->
          changed(f, e.sandboxId(), SandboxEntry.Builder::clearCheckpoint);
      case Event.SandboxRestored e -> changed(f, e.sandboxId(), pod -> pod.setRestoring(false));
      // Until it is gone it stays one that nobody has heard of.
      case Event.SandboxRestoreFailed e -> moved(f, e.sandboxId());
    }
  }

  /** Events that only move it along its lifecycle, or end it. */
  static void moved(Folding f, String id) {
    changed(f, id, UnaryOperator.identity());
  }

  private static void changed(Folding f, String id, UnaryOperator<SandboxEntry.Builder> change) {
    SandboxEntry before = f.existing(Kind.SANDBOX, id);
    Optional<SandboxPhase> next =
        Lifecycles.SANDBOX.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(Kind.SANDBOX, id);
      return;
    }
    f.put(
        Kind.SANDBOX,
        id,
        change
            .apply(before.toBuilder())
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }
}
