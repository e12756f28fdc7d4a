package dev.retainerd.runtime.history;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.DaemonStoppingPayload;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.runtime.grpc.GrpcServer;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.history.v1.ApplyRetentionAnswer;
import dev.retainerd.wire.history.v1.CheckpointsPart;
import dev.retainerd.wire.history.v1.CheckpointsRequest;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.GetEventRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryFilter;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import dev.retainerd.wire.history.v1.TakeSnapshotAnswer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The history over a real socket, from a real log. */
class HistoryServiceTest {
  @TempDir Path folder;

  private EventLog log;
  private GrpcServer server;
  private UnixChannels channels;

  @BeforeEach
  void start() throws IOException {
    log =
        ChronicleEventLog.open(
            LogOptions.standard(folder.resolve("log"))
                .withDurability(Durability.PROCESS_CRASH)
                .withCheckpoints(java.util.Optional.empty())
                .withSizes(1 << 20, 64 << 20, 0));
    Path socket = folder.resolve("sock");
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(socket), List.of(new HistoryService(log, new Untended())));
    channels = UnixChannels.open(socket);
  }

  @AfterEach
  void stop() throws Exception {
    channels.close();
    server.close();
    log.close();
  }

  /** A log that nobody keeps house in. */
  private static final class Untended implements Upkeep {
    @Override
    public void describe(HistoryStatus.Builder status) {
      status.setGenerations(1);
    }

    @Override
    public TakeSnapshotAnswer snapshot() {
      return TakeSnapshotAnswer.getDefaultInstance();
    }

    @Override
    public ApplyRetentionAnswer retain(boolean everything) {
      return ApplyRetentionAnswer.getDefaultInstance();
    }
  }

  @Test
  void whoAsksForEventsOlderThanRetainedIsToldWhereTheLogBegins() throws Exception {
    for (int i = 0; i < 20; i++) {
      append(new Event.DaemonStopping(DaemonStoppingPayload.newBuilder().build()));
    }
    ((ChronicleEventLog) log).rollSoon();
    append(new Event.DaemonStopping(DaemonStoppingPayload.newBuilder().build()));
    var checkpoints = ((ChronicleEventLog) log).checkpoints();
    assertTrue(checkpoints.isEmpty());
    ((ChronicleEventLog) log)
        .retained()
        .remove(1, dev.retainerd.eventlog.files.Archiving.Boundary.NONE);
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                stub()
                    .subscribe(SubscribeRequest.newBuilder().setFromSequence(20).build())
                    .hasNext());
    assertEquals(Status.Code.OUT_OF_RANGE, e.getStatus().getCode());
    assertTrue(e.getMessage().contains("the log begins at event 21"), e.getMessage());
    for (long from : new long[] {0, 21}) {
      assertEquals(
          21,
          stub()
              .subscribe(SubscribeRequest.newBuilder().setFromSequence(from).build())
              .next()
              .getSequence());
    }
    HistoryStatus status = stub().status(HistoryStatusRequest.getDefaultInstance());
    assertEquals("process-crash", status.getDurability());
    assertEquals(21, status.getFirstSequence());
  }

  @Test
  void whatWasSignedIsHandedOutInPartsWithItsKey() throws Exception {
    assertFalse(stub().checkpoints(CheckpointsRequest.getDefaultInstance()).hasNext());
    byte[] notes = new byte[600_000];
    new java.util.Random(1).nextBytes(notes);
    Files.write(log.status().directory().resolve(CheckpointKeeper.FILE), notes);
    Files.writeString(log.status().directory().resolve(CheckpointKeeper.KEY_FILE), "the key\n");
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    StringBuilder key = new StringBuilder();
    int parts = 0;
    for (Iterator<CheckpointsPart> all =
            stub().checkpoints(CheckpointsRequest.getDefaultInstance());
        all.hasNext();
        parts++) {
      CheckpointsPart part = all.next();
      read.writeBytes(part.getNotes().toByteArray());
      key.append(part.getKey());
    }
    assertArrayEquals(notes, read.toByteArray());
    assertEquals("the key\n", key.toString());
    assertTrue(parts > 1, "in " + parts + " parts");
  }

  private EventsGrpc.EventsBlockingStub stub() {
    return EventsGrpc.newBlockingStub(channels.channel()).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private void append(Event... events) {
    List<EnvelopeDraft> drafts = new ArrayList<>();
    for (Event event : events) {
      drafts.add(
          new EnvelopeDraft(
              "default",
              event.subject(),
              Actor.daemon(),
              "",
              0,
              event.type().number(),
              1,
              event.payload().toByteArray()));
    }
    log.append(drafts);
    log.force();
  }

  private static Event namespace(String name) {
    return new Event.NamespaceCreated(NamespaceCreatedPayload.newBuilder().setName(name).build());
  }

  private static Event exited(String id) {
    return new Event.TaskExited(
        TaskExitedPayload.newBuilder().setContainerId(id).setStatus(7).build());
  }

  private List<Long> sequences(SubscribeRequest request) {
    List<Long> found = new ArrayList<>();
    stub().subscribe(request).forEachRemaining(event -> found.add(event.getSequence()));
    return found;
  }

  @Test
  void aReaderStartsWhereItWantsAndEndsWithTheLog() {
    append(namespace("a"), namespace("b"), namespace("c"));
    assertEquals(List.of(1L, 2L, 3L), sequences(SubscribeRequest.getDefaultInstance()));
    assertEquals(List.of(3L), sequences(SubscribeRequest.newBuilder().setFromSequence(3).build()));
    assertEquals(List.of(), sequences(SubscribeRequest.newBuilder().setFromSequence(99).build()));
  }

  @Test
  void aFollowerMissesNothingThatComesLater() {
    append(namespace("a"));
    Iterator<HistoryEvent> events =
        stub().subscribe(SubscribeRequest.newBuilder().setFollow(true).build());
    assertEquals(1, events.next().getSequence());
    append(exited("web"));
    HistoryEvent event = events.next();
    assertEquals(2, event.getSequence());
    assertEquals("TaskExited", event.getType());
    assertEquals("task of web exited with code 7", event.getSentence());
    assertEquals(2, EnvelopeCodec.decode(event.getEnvelope().toByteArray()).sequence());
  }

  @Test
  void filtersAreObeyed() {
    append(namespace("a"), exited("web"), exited("other"));
    assertEquals(
        List.of(2L, 3L),
        sequences(
            SubscribeRequest.newBuilder()
                .setFilter(HistoryFilter.newBuilder().addTypes("TaskExited"))
                .build()));
    assertEquals(
        List.of(2L),
        sequences(
            SubscribeRequest.newBuilder()
                .setFilter(HistoryFilter.newBuilder().setAbout("we"))
                .build()));
  }

  @Test
  void anUnknownSubjectIsNotFoundWithNearMatches() {
    append(exited("web"));
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                sequences(
                    SubscribeRequest.newBuilder()
                        .setFilter(HistoryFilter.newBuilder().setAbout("wbe"))
                        .build()));
    assertEquals(Status.Code.NOT_FOUND, refused.getStatus().getCode());
    assertTrue(refused.getStatus().getDescription().contains("did you mean web?"));
  }

  @Test
  void aManyTimesLargerHistoryThanAWindowComesWhole() {
    for (int i = 0; i < 50; i++) {
      Event[] batch = new Event[200];
      for (int j = 0; j < batch.length; j++) {
        batch[j] = namespace("n".repeat(200) + i + "-" + j);
      }
      append(batch);
    }
    List<Long> all = sequences(SubscribeRequest.getDefaultInstance());
    assertEquals(10_000, all.size());
    assertEquals(10_000, all.getLast());
  }

  @Test
  void oneEventAndTheStatusAreAnswered() {
    append(namespace("a"), namespace("b"));
    assertEquals(
        "namespace/b",
        stub().get(GetEventRequest.newBuilder().setSequence(2).build()).getSubject());
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () -> stub().get(GetEventRequest.newBuilder().setSequence(3).build()));
    assertEquals(Status.Code.NOT_FOUND, refused.getStatus().getCode());
    var status = stub().status(HistoryStatusRequest.getDefaultInstance());
    assertEquals(2, status.getDurableSequence());
    assertEquals(log.status().nodeId(), status.getNodeId());
  }
}
