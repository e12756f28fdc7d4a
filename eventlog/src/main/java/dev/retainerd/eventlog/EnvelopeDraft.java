package dev.retainerd.eventlog;

import java.util.List;
import java.util.Objects;

/**
 * An event as its proposer knows it. Sequence, times, boot id and hashes are given by the log.
 *
 * @param namespace containerd's namespace; "" for node-wide events
 * @param subject what it is about, such as {@code container/web}
 * @param actor who made it happen
 * @param requestId groups the events of one request; "" for none
 * @param causedBySequence the event that led to this one; 0 for none
 * @param type number of the event's type, 1..65535
 * @param schemaVersion version of the payload, 1..65535
 * @param payload the encoded payload
 * @param secrets which spans of the payload may be secret; may be empty
 */
public record EnvelopeDraft(
    String namespace,
    String subject,
    Actor actor,
    String requestId,
    long causedBySequence,
    int type,
    int schemaVersion,
    byte[] payload,
    List<Secrets.Span> secrets) {

  public EnvelopeDraft {
    Objects.requireNonNull(namespace, "namespace");
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(actor, "actor");
    Objects.requireNonNull(requestId, "requestId");
    payload = payload.clone();
    secrets = List.copyOf(secrets);
  }

  /** A draft whose payload holds no secrets. */
  public EnvelopeDraft(
      String namespace,
      String subject,
      Actor actor,
      String requestId,
      long causedBySequence,
      int type,
      int schemaVersion,
      byte[] payload) {
    this(
        namespace,
        subject,
        actor,
        requestId,
        causedBySequence,
        type,
        schemaVersion,
        payload,
        List.of());
  }

  @Override
  public byte[] payload() {
    return payload.clone();
  }

  byte[] payloadShared() {
    return payload;
  }
}
