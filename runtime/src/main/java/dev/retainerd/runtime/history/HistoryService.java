package dev.retainerd.runtime.history;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.history.v1.ApplyRetentionAnswer;
import dev.retainerd.wire.history.v1.ApplyRetentionRequest;
import dev.retainerd.wire.history.v1.CheckpointsPart;
import dev.retainerd.wire.history.v1.CheckpointsRequest;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.GetEventRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import dev.retainerd.wire.history.v1.TakeSnapshotAnswer;
import dev.retainerd.wire.history.v1.TakeSnapshotRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * {@code dev.retainerd.events.v1.Events}: the log, for clients. Thread-safe.
 *
 * <p>Each stream has a thread and a cursor of its own, and waits for its client; their number is
 * bounded, so that forgotten followers cannot eat the daemon.
 */
public final class HistoryService extends EventsGrpc.EventsImplBase {
  private static final int STREAMS_MAX = 64;
  private static final Duration PATIENCE = Duration.ofMillis(200);
  private static final Duration ONE_EVENT = Duration.ofSeconds(2);

  private final EventLog log;
  private final Upkeep upkeep;
  private final Semaphore streams = new Semaphore(STREAMS_MAX);

  /** A service that reads {@code log}, which must stay open as long as calls come. */
  public HistoryService(EventLog log, Upkeep upkeep) {
    this.log = log;
    this.upkeep = upkeep;
  }

  @Override
  public void subscribe(SubscribeRequest request, StreamObserver<HistoryEvent> responses) {
    long from = request.getFromSequence();
    long first = log.firstSequence();
    if (from > 0 && from < first) {
      throw Refusal.outOfRange(
          "event "
              + from
              + " is not retained any more: the log begins at event "
              + first
              + "; ask from there, or from 0 for whatever is the first");
    }
    takeStream();
    Outlet<HistoryEvent> outlet = new Outlet<>((ServerCallStreamObserver<HistoryEvent>) responses);
    stream("history-" + Math.max(1, from), new Subscription(log, request, outlet)::run);
  }

  private void takeStream() {
    if (!streams.tryAcquire()) {
      throw Refusal.resourceExhausted(
          STREAMS_MAX + " clients read the history already: end one of them");
    }
  }

  private void stream(String name, Runnable all) {
    Thread.ofPlatform()
        .daemon(true)
        .name(name)
        .start(
            () -> {
              try {
                all.run();
              } finally {
                streams.release();
              }
            });
  }

  @Override
  public void checkpoints(CheckpointsRequest request, StreamObserver<CheckpointsPart> responses) {
    takeStream();
    Outlet<CheckpointsPart> outlet =
        new Outlet<>((ServerCallStreamObserver<CheckpointsPart>) responses);
    stream("checkpoint-notes", new SignedNotes(log.status().directory(), outlet)::run);
  }

  @Override
  public void get(GetEventRequest request, StreamObserver<HistoryEvent> responses) {
    long sequence = request.getSequence();
    boolean there =
        sequence > 0 && sequence >= log.firstSequence() && sequence <= log.durableSequence();
    Optional<Envelope> found = there ? one(sequence) : Optional.empty();
    responses.onNext(
        Entries.of(
            found.orElseThrow(
                () ->
                    Refusal.notFound(
                        "there is no event "
                            + sequence
                            + ": the log holds "
                            + log.firstSequence()
                            + " to "
                            + log.durableSequence()))));
    responses.onCompleted();
  }

  private Optional<Envelope> one(long sequence) {
    try (LogReader reader = log.reader(sequence)) {
      return reader.poll(ONE_EVENT).filter(envelope -> envelope.sequence() == sequence);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the daemon is stopping").because(e);
    }
  }

  @Override
  public void status(HistoryStatusRequest request, StreamObserver<HistoryStatus> responses) {
    LogStatus status = log.status();
    HistoryStatus.Builder answer =
        HistoryStatus.newBuilder()
            .setNodeId(status.nodeId())
            .setDirectory(status.directory().toString())
            .setDurability(status.durability().word())
            .setGeneration(status.generation())
            .setFirstSequence(status.firstSequence())
            .setLastSequence(status.lastSequence())
            .setDurableSequence(status.durableSequence())
            .setPreviousStopWasClean(status.previousStopWasClean());
    status.damages().forEach(d -> answer.addDamages(d.sentence()));
    upkeep.describe(answer);
    responses.onNext(answer.build());
    responses.onCompleted();
  }

  @Override
  public void takeSnapshot(
      TakeSnapshotRequest request, StreamObserver<TakeSnapshotAnswer> responses) {
    responses.onNext(upkeep.snapshot());
    responses.onCompleted();
  }

  @Override
  public void applyRetention(
      ApplyRetentionRequest request, StreamObserver<ApplyRetentionAnswer> responses) {
    responses.onNext(upkeep.retain(request.getEverything()));
    responses.onCompleted();
  }

  static Duration patience() {
    return PATIENCE;
  }
}
