package dev.retainerd.store.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.eventlog.proto.DaemonStartedPayload;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Events in words, and what is picked out of a history for one thing. */
class WordsTest {
  private long sequence;

  private Told told(Event event, long wallNanos) {
    return new Told(
        new Envelope(
            ++sequence,
            "boot",
            wallNanos,
            wallNanos,
            "k8s.io",
            event.subject(),
            Actor.daemon(),
            "",
            0,
            event.type().number(),
            1,
            event.payload().toByteArray(),
            new byte[Envelope.HASH_BYTES],
            new byte[Envelope.HASH_BYTES]),
        event.type(),
        event);
  }

  private static Event exited(String id, int status, long at) {
    return new Event.TaskExited(
        TaskExitedPayload.newBuilder()
            .setContainerId(id)
            .setStatus(status)
            .setExitedAtNanos(at)
            .setSource(ExitSource.EXIT_SOURCE_RECORD)
            .build());
  }

  private static Event started(String id) {
    return new Event.TaskStarted(
        TaskStartedPayload.newBuilder().setContainerId(id).setPid(7).build());
  }

  private static Event created(String id, String pod) {
    return new Event.ContainerCreated(
        ContainerCreatedPayload.newBuilder()
            .setContainer(
                ContainerRecord.newBuilder()
                    .setId(id)
                    .setCri(CriContainer.newBuilder().setName("app").setSandboxId(pod)))
            .build());
  }

  private static Event daemon() {
    return new Event.DaemonStarted(DaemonStartedPayload.getDefaultInstance());
  }

  @ParameterizedTest
  @EnumSource(EventType.class)
  void everyTypeHasASentenceAndAStep(EventType type) {
    Event event = type.decode(type.schemaVersion(), new byte[0]);
    assertFalse(EventWords.sentence(event).isBlank());
    Step step = Step.of(type);
    assertEquals(step.role() == Step.Role.NOTES, step.operation().isEmpty());
  }

  @ParameterizedTest
  @EnumSource(EventType.class)
  void noIntentIsWithoutOutcome(EventType type) {
    Step step = Step.of(type);
    if (step.role() == Step.Role.OPENS) {
      String noun = type.name().substring(0, type.name().indexOf('_'));
      boolean closed = false;
      for (EventType other : EventType.values()) {
        Step end = Step.of(other);
        boolean same = other.name().startsWith(noun) || noun.equals("DAEMON");
        closed |=
            same && end.role() == Step.Role.SUCCEEDS && end.operation().equals(step.operation());
      }
      assertTrue(closed, type.title());
    }
  }

  @Test
  void exitsAreToldAsPeopleSayThem() {
    assertEquals("exited with code 7", Phrases.ended(7, ExitSource.EXIT_SOURCE_SHIM, ""));
    assertEquals(
        "was ended by SIGKILL (code 137), read from its pinned pidfd",
        Phrases.ended(137, ExitSource.EXIT_SOURCE_PIN, ""));
    assertTrue(
        Phrases.ended(255, ExitSource.EXIT_SOURCE_UNKNOWN, "NodeReboot").contains("nobody saw"));
  }

  @Test
  void signalsAreReadByNumberAndName() {
    for (String text : new String[] {"9", "KILL", "sigkill", "SIGKILL"}) {
      assertEquals(9, Phrases.signalNumber(text));
    }
    for (String text : new String[] {"", "0", "65", "NOPE", "-9", "9999999999"}) {
      assertThrows(IllegalArgumentException.class, () -> Phrases.signalNumber(text), text);
    }
  }

  @Test
  void durationsAndSizesReadWell() {
    assertEquals("850 ms", Phrases.duration(850_000_000L));
    assertEquals("12.3 s", Phrases.duration(12_300_000_000L));
    assertEquals("4 min 5 s", Phrases.duration(245_000_000_000L));
    assertEquals("-1.5 s", Phrases.duration(-1_500_000_000L));
    assertEquals("1.0 MiB", Phrases.bytes(1 << 20));
    assertEquals("0.0 B", Phrases.bytes(0));
  }

  @Test
  void secretsAreMaskedWithTheirLength() {
    SandboxCreatingPayload payload =
        SandboxCreatingPayload.newBuilder()
            .setSandbox(
                SandboxRecord.newBuilder()
                    .setId("x")
                    .setConfig(ByteString.copyFromUtf8("password=1"))
                    .putAnnotations("a", "hunter2"))
            .build();
    String masked = new PayloadJson(false).json(payload);
    assertFalse(masked.contains("hunter2") || masked.contains("password"), masked);
    assertTrue(masked.contains("‹secret 10 bytes›"), masked);
    assertTrue(new PayloadJson(true).json(payload).contains("hunter2"));
    String spec =
        new PayloadJson(false)
            .json(
                Opaque.newBuilder().setTypeUrl("t").setValue(ByteString.copyFromUtf8("s")).build());
    assertEquals("{\"type_url\":\"t\",\"value\":\"‹secret 1 bytes›\"}", spec);
  }

  @Test
  void jsonTextsAreEscaped() {
    var payload = DaemonStartedPayload.newBuilder().setVersion("\"\\\n\u2028</script>").build();
    assertEquals(
        "{\"version\":\"\\\"\\\\\\n\\u2028\\u003c/script>\"}",
        new PayloadJson(false).json(payload));
  }

  @Test
  void anIdIsFoundByItsBeginningOrItsNeighbours() {
    SubjectSearch search = new SubjectSearch("we");
    search.see("container/web");
    search.see("task/web");
    assertEquals(Optional.of("web"), search.found());
    search.see("container/wet");
    assertEquals(Optional.empty(), search.found());
    assertTrue(search.complaint().contains("web, wet"), search.complaint());
    SubjectSearch typo = new SubjectSearch("wbe");
    typo.see("container/web");
    assertTrue(typo.complaint().contains("did you mean web?"), typo.complaint());
    SubjectSearch image = new SubjectSearch("docker.io/library/a:1");
    image.see("image/docker.io/library/a:1");
    assertEquals(Optional.of("docker.io/library/a:1"), image.found());
  }

  @Test
  void aPodsLifeHoldsItsContainersAndTheDeathsOfDaemons() {
    Life life = new Life("pod");
    assertFalse(life.accept(told(daemon(), 1)), "it did not live yet");
    assertTrue(
        life.accept(
            told(
                new Event.SandboxCreating(
                    SandboxCreatingPayload.newBuilder()
                        .setSandbox(SandboxRecord.newBuilder().setId("pod"))
                        .build()),
                2)));
    assertTrue(life.accept(told(created("web", "pod"), 3)));
    assertFalse(life.accept(told(created("other", "another"), 4)));
    assertTrue(life.accept(told(exited("web", 0, 5), 5)));
    assertFalse(life.accept(told(exited("other", 0, 5), 5)));
    assertTrue(life.accept(told(daemon(), 6)));
  }

  @Test
  void idsAreMatchedWhole() {
    assertTrue(Life.isAbout("exec/web/1", "web"));
    assertTrue(Life.isAbout("snapshot/overlayfs/web", "web"));
    assertFalse(Life.isAbout("container/web2", "web"));
    assertFalse(Life.isAbout("container/myweb", "web"));
    assertTrue(Life.isAbout("node", "node"));
  }

  @Test
  void anExitOfItsOwnAccordIsCalledSo() {
    Explanation explanation = new Explanation("web");
    explanation.add(told(created("web", ""), 1));
    explanation.add(told(started("web"), 2));
    explanation.add(told(exited("web", 1, 3), 3));
    var lines = explanation.lines();
    assertTrue(
        lines.getFirst().startsWith("container web (app) exited with code 1 at "), lines + "");
    assertTrue(lines.get(1).startsWith("why: of its own accord"), lines + "");
  }
}
