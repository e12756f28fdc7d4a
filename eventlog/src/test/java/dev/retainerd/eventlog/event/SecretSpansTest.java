package dev.retainerd.eventlog.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.Secrets;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class SecretSpansTest {

  @Test
  void aRedactedContainerDecodesVerifiesAndHoldsNoSecret() throws Exception {
    Opaque secret =
        Opaque.newBuilder()
            .setTypeUrl("some.Type")
            .setValue(ByteString.copyFromUtf8("PASSWORD=hunter2"))
            .build();
    ContainerCreatedPayload payload =
        ContainerCreatedPayload.newBuilder()
            .setContainer(
                ContainerRecord.newBuilder()
                    .setId("web")
                    .putLabels("app", "shop")
                    .setSpec(secret)
                    .putExtensions("one", secret))
            .build();
    ContainerCreatedPayload redacted =
        ContainerCreatedPayload.parseFrom(redact(new Event.ContainerCreated(payload)).payload());
    assertEquals("web", redacted.getContainer().getId());
    assertEquals("shop", redacted.getContainer().getLabelsOrThrow("app"));
    assertEquals("some.Type", redacted.getContainer().getSpec().getTypeUrl());
    assertEquals("*".repeat(16), redacted.getContainer().getSpec().getValue().toStringUtf8());
    assertEquals(
        "*".repeat(16),
        redacted.getContainer().getExtensionsOrThrow("one").getValue().toStringUtf8());
  }

  @Test
  void ofASecretMapTheKeysStay() throws Exception {
    SandboxCreatingPayload payload =
        SandboxCreatingPayload.newBuilder()
            .setSandbox(
                SandboxRecord.newBuilder()
                    .setId("pod")
                    .putAnnotations("token", "abc")
                    .putAnnotations("empty", ""))
            .build();
    SandboxRecord redacted =
        SandboxCreatingPayload.parseFrom(redact(new Event.SandboxCreating(payload)).payload())
            .getSandbox();
    assertEquals("***", redacted.getAnnotationsOrThrow("token"));
    assertEquals("", redacted.getAnnotationsOrThrow("empty"));
    assertEquals("pod", redacted.getId());
  }

  @Test
  void aPayloadWithoutSecretsHasNoSpans() {
    NamespaceCreatedPayload payload = NamespaceCreatedPayload.newBuilder().setName("x").build();
    assertEquals(List.of(), SecretSpans.of(payload, payload.toByteArray()));
  }

  private static Envelope redact(Event event) {
    byte[] bytes = event.payload().toByteArray();
    EnvelopeDraft draft =
        new EnvelopeDraft(
            "k8s.io",
            event.subject(),
            Actor.daemon(),
            "",
            0,
            event.type().number(),
            1,
            bytes,
            SecretSpans.of(event.payload(), bytes));
    EnvelopeHash hasher = new EnvelopeHash();
    Envelope whole =
        hasher.seal(draft, 1, "boot", 1, 1, new byte[32], new byte[Secrets.SALT_BYTES]);
    Envelope redacted = hasher.redact(whole);
    assertTrue(hasher.holds(redacted));
    assertFalse(
        new String(EnvelopeCodec.encode(redacted), StandardCharsets.ISO_8859_1)
            .contains("hunter2"));
    return redacted;
  }
}
