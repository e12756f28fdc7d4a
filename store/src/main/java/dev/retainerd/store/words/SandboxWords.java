package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.SandboxCreateFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkAttachedPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.SandboxStoppedPayload;

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
            + ") is being created");
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

  static String stopped(SandboxStoppedPayload p) {
    return says(p.getId(), p.getReason().isEmpty() ? "was stopped" : "ended unasked")
        + Phrases.because(p.getReason());
  }
}
