package dev.retainerd.eventlog.event;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.NewerFormatException;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import org.junit.jupiter.api.Test;

class UpcastsTest {
  /** Version 1 had the name only, 2 brought a label, 3 another name for it. */
  private static final Upcasts THREE =
      Upcasts.NONE
          .then(
              payload ->
                  NamespaceCreatedPayload.parseFrom(payload).toBuilder()
                      .putLabels("owner", "nobody")
                      .build()
                      .toByteArray())
          .then(
              payload -> {
                NamespaceCreatedPayload two = NamespaceCreatedPayload.parseFrom(payload);
                return two.toBuilder()
                    .removeLabels("owner")
                    .putLabels("keeper", two.getLabelsOrThrow("owner"))
                    .build()
                    .toByteArray();
              });

  private static NamespaceCreatedPayload read(int version, NamespaceCreatedPayload written)
      throws InvalidProtocolBufferException {
    return NamespaceCreatedPayload.parseFrom(THREE.toNewest(version, written.toByteArray()));
  }

  @Test
  void everyOldVersionIsBroughtToTheNewestAStepAtATime() throws Exception {
    assertEquals(3, THREE.newest());
    NamespaceCreatedPayload.Builder name = NamespaceCreatedPayload.newBuilder().setName("n");
    NamespaceCreatedPayload newest = name.clone().putLabels("keeper", "nobody").build();
    assertEquals(newest, read(1, name.build()));
    assertEquals(newest, read(2, name.clone().putLabels("owner", "nobody").build()));
    assertEquals(newest, read(3, newest));
  }

  @Test
  void aVersionThatWasNeverWrittenIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> THREE.toNewest(0, new byte[0]));
    assertThrows(IllegalArgumentException.class, () -> THREE.toNewest(4, new byte[0]));
    assertEquals(1, Upcasts.NONE.newest());
  }

  @Test
  void aPayloadOfOneVersionIsDecodedAsItStands() throws Exception {
    byte[] payload = TaskExitedPayload.newBuilder().setContainerId("c").build().toByteArray();
    assertArrayEquals(payload, Upcasts.NONE.toNewest(1, payload));
    assertEquals(
        new Event.TaskExited(TaskExitedPayload.parseFrom(payload)),
        EventType.TASK_EXITED.decode(1, payload));
  }

  @Test
  void anEventOfANewerVersionIsRefusedWithTheMend() {
    int type = EventType.TASK_EXITED.number();
    assertEquals(EventType.TASK_EXITED, EventType.of(envelope(type, 1)));
    for (Envelope newer : new Envelope[] {envelope(type, 2), envelope(64_999, 1)}) {
      NewerFormatException e = assertThrows(NewerFormatException.class, () -> EventType.of(newer));
      assertTrue(
          e.getMessage().contains("event 7 ") && e.getMessage().contains("use the version that"),
          e.getMessage());
    }
  }

  private static Envelope envelope(int type, int version) {
    byte[] hash = new byte[Envelope.HASH_BYTES];
    return new Envelope(
        7, "boot", 1, 1, "", "s", Actor.daemon(), "", 0, type, version, new byte[0], hash, hash);
  }
}
