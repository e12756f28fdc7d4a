package dev.retainerd.store.words;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxCreateFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxEndedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkAttachedPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.SandboxStoppedPayload;
import java.util.stream.Collectors;

/** Sentences about pods. */
final class SandboxWords {

  private SandboxWords() {}

  static String says(String id, String what) {
    return "pod " + Phrases.shortId(id) + " " + what;
  }

  static String creating(SandboxRecord s) {
    return says(
        s.getId(),
        "("
            + s.getPodNamespace()
            + "/"
            + s.getName()
            + ", attempt "
            + s.getAttempt()
            + ") is being created"
            + (s.getRestoredFrom().isEmpty() ? "" : " from the checkpoint " + s.getRestoredFrom()));
  }

  static String attached(SandboxNetworkAttachedPayload p) {
    StringBuilder networks = new StringBuilder();
    p.getAttachmentsList()
        .forEach(
            a ->
                networks
                    .append(networks.isEmpty() ? "" : "; ")
                    .append(a.getNetwork())
                    .append(" with ")
                    .append(String.join(", ", a.getAddressesList())));
    return says(p.getId(), "joined network " + networks);
  }

  static String created(SandboxCreatedPayload p) {
    return says(p.getId(), "is ready")
        + (p.getShimId().isEmpty() ? "" : ", in shim " + p.getShimId());
  }

  static String createFailed(SandboxCreateFailedPayload p) {
    return says(p.getId(), "could not be created") + Phrases.because(p.getReason());
  }

  static String checkpoint(Event.OfPodCheckpoint event) {
    return switch (event) {
      case Event.SandboxCheckpointing e ->
          says(
              e.sandboxId(),
              "is being checkpointed into "
                  + e.payload().getPath()
                  + " ("
                  + e.payload().getContainerIdsList().stream()
                      .map(Phrases::shortId)
                      .collect(Collectors.joining(", "))
                  + ")");
      case Event.SandboxCheckpointed e ->
          says(e.sandboxId(), "was checkpointed into " + e.payload().getPath());
      case Event.SandboxCheckpointFailed e ->
          says(e.sandboxId(), "could not be checkpointed into " + e.payload().getPath())
              + Phrases.because(e.payload().getReason());
      case Event.SandboxRestored e ->
          says(
              e.sandboxId(),
              "was restored with "
                  + e.payload().getMembersList().stream()
                      .map(m -> m.getName() + " as " + Phrases.shortId(m.getContainerId()))
                      .collect(Collectors.joining(", ")));
      case Event.SandboxRestoreFailed e ->
          says(e.sandboxId(), "could not be restored, and goes again")
              + Phrases.because(e.payload().getReason());
    };
  }

  static String detached(String id) {
    return says(id, "left its network");
  }

  static String ended(SandboxEndedPayload p) {
    return says(p.getId(), "is not ready any more") + Phrases.because(p.getReason());
  }

  static String stopped(SandboxStoppedPayload p) {
    return says(p.getId(), p.getReason().isEmpty() ? "was stopped" : "ended unasked")
        + Phrases.because(p.getReason());
  }
}
