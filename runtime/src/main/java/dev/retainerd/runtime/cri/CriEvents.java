package dev.retainerd.runtime.cri;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.wire.cri.v1.ContainerEventResponse;
import dev.retainerd.wire.cri.v1.ContainerEventType;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * CRI's container events, read from the log. CRI gives a client no way to say what it has seen; so
 * a stream that opens while no other is open goes on where the last one ended, also one of an
 * earlier daemon: what happened while nobody listened is not lost. Others begin now. Thread-safe.
 */
final class CriEvents {
  private static final Logger LOG = LoggerFactory.getLogger(CriEvents.class);
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long STALL_SECONDS = 600;
  private static final int STREAMS_MAX = 64;

  /** An older position is not gone back to: that client lists anew anyway. */
  private static final long MOST_BEHIND = 100_000;

  private final EventLog log;
  private final Journal journal;
  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final TaskService tasks;
  private final Path cursor;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * Makes them.
   *
   * @param cursor file that keeps the sequence of the last event that was sent
   */
  CriEvents(
      Journal journal,
      SandboxService sandboxes,
      ContainerService containers,
      TaskService tasks,
      Path cursor) {
    this.log = journal.log();
    this.journal = journal;
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.tasks = tasks;
    this.cursor = cursor;
  }

  /** Sends events until the client is gone. To be called on the call's thread. */
  void stream(StreamObserver<ContainerEventResponse> caller) {
    var observer = (ServerCallStreamObserver<ContainerEventResponse>) caller;
    if (open.get() >= STREAMS_MAX) {
      throw Refusal.resourceExhausted(
          STREAMS_MAX + " clients read container events already; end one of them");
    }
    boolean alone = open.getAndIncrement() == 0;
    long from = alone ? remembered() + 1 : log.durableSequence() + 1;
    Outlet outlet = new Outlet(observer);
    Thread.ofPlatform()
        .daemon(true)
        .name("container-events")
        .start(
            () -> {
              try {
                run(from, outlet);
              } finally {
                open.decrementAndGet();
              }
            });
  }

  private long remembered() {
    long end = log.durableSequence();
    try {
      long last = Long.parseLong(Files.readString(cursor).strip());
      boolean known = last >= log.firstSequence() - 1 && last <= end && end - last <= MOST_BEHIND;
      return known ? last : end;
    } catch (IOException | NumberFormatException none) {
      return end;
    }
  }

  private void remember(long sequence) {
    try {
      Files.writeString(cursor, Long.toString(sequence));
    } catch (IOException e) {
      LOG.debug("the position of container events is not kept: {}", e.getMessage());
    }
  }

  private void run(long from, Outlet outlet) {
    Map<String, String> sandboxOf = new HashMap<>();
    containers
        .list()
        .forEach(c -> sandboxOf.put(c.getContainer().getId(), c.getContainer().getSandboxId()));
    sandboxes.list().forEach(s -> sandboxOf.put(s.getSandbox().getId(), s.getSandbox().getId()));
    remember(from - 1);
    try (LogReader reader = log.reader(from)) {
      while (!outlet.gone()) {
        Optional<Envelope> next = poll(reader);
        if (next.isPresent() && next.get().namespace().equals(NAMESPACE)) {
          awaitFolded(next.get().sequence());
          for (ContainerEventResponse event : events(next.get(), sandboxOf)) {
            outlet.put(event);
            remember(next.get().sequence());
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      outlet.fail(Refusal.unavailable("the daemon is stopping"));
    } catch (RuntimeException e) {
      LOG.error("a reader of container events was let down", e);
      outlet.fail(Refusal.internal("the container events could not be read"));
    }
  }

  /** An event is durable a moment before the state shows it, and the state is sent along. */
  private void awaitFolded(long sequence) throws InterruptedException {
    while (journal.state().sequence() < sequence) {
      Thread.sleep(1);
    }
  }

  /** What cannot be read was reported as damage when the log was opened; readers go on behind. */
  private static Optional<Envelope> poll(LogReader reader) throws InterruptedException {
    try {
      return reader.poll(POLL);
    } catch (EventLogException e) {
      LOG.warn("an event is left out of the container events: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private List<ContainerEventResponse> events(Envelope envelope, Map<String, String> sandboxOf) {
    List<ContainerEventResponse> found = new ArrayList<>();
    Optional<Event> event = decoded(envelope);
    if (event.isEmpty()) {
      return found;
    }
    switch (event.get()) {
      case Event.ContainerCreated e -> {
        var container = e.payload().getContainer();
        if (container.hasCri()) {
          sandboxOf.put(container.getId(), container.getSandboxId());
          found.add(
              of(
                  envelope,
                  container.getId(),
                  container.getSandboxId(),
                  ContainerEventType.CONTAINER_CREATED_EVENT));
        }
      }
      case Event.SandboxCreated e -> {
        String id = e.payload().getId();
        sandboxOf.put(id, id);
        found.add(of(envelope, id, id, ContainerEventType.CONTAINER_CREATED_EVENT));
        found.add(of(envelope, id, id, ContainerEventType.CONTAINER_STARTED_EVENT));
      }
      case Event.TaskStarted e ->
          container(envelope, e.payload().getContainerId(), sandboxOf)
              .map(
                  sandbox ->
                      of(
                          envelope,
                          e.payload().getContainerId(),
                          sandbox,
                          ContainerEventType.CONTAINER_STARTED_EVENT))
              .ifPresent(found::add);
      case Event.TaskExited e ->
          container(envelope, e.payload().getContainerId(), sandboxOf)
              .map(
                  sandbox ->
                      of(
                          envelope,
                          e.payload().getContainerId(),
                          sandbox,
                          ContainerEventType.CONTAINER_STOPPED_EVENT))
              .ifPresent(found::add);
      case Event.SandboxEnded e ->
          found.add(
              of(
                  envelope,
                  e.payload().getId(),
                  e.payload().getId(),
                  ContainerEventType.CONTAINER_STOPPED_EVENT));
      case Event.SandboxStopped e ->
          found.add(
              of(
                  envelope,
                  e.payload().getId(),
                  e.payload().getId(),
                  ContainerEventType.CONTAINER_STOPPED_EVENT));
      case Event.ContainerRemoved e ->
          container(envelope, e.payload().getId(), sandboxOf)
              .map(
                  sandbox ->
                      of(
                          envelope,
                          e.payload().getId(),
                          sandbox,
                          ContainerEventType.CONTAINER_DELETED_EVENT))
              .ifPresent(
                  deleted -> {
                    found.add(deleted);
                    sandboxOf.remove(deleted.getContainerId());
                  });
      case Event.SandboxRemoved e -> {
        String id = e.payload().getId();
        found.add(of(envelope, id, id, ContainerEventType.CONTAINER_DELETED_EVENT));
        sandboxOf.remove(id);
      }
      default -> LOG.trace("{} is no container event", envelope.subject());
    }
    return found;
  }

  /** The pod of a container of CRI's; a pause process has the id of its pod, and says nothing. */
  private static Optional<String> container(
      Envelope envelope, String id, Map<String, String> sandboxOf) {
    return Optional.ofNullable(sandboxOf.get(id)).filter(sandbox -> !sandbox.equals(id));
  }

  private static Optional<Event> decoded(Envelope envelope) {
    Optional<EventType> type = EventType.ofNumber(envelope.type());
    try {
      return type.isEmpty()
          ? Optional.empty()
          : Optional.of(type.get().decode(envelope.schemaVersion(), envelope.payload()));
    } catch (UnreadableEventException e) {
      return Optional.empty();
    }
  }

  /** The event, with the pod and its containers as they are by now. */
  private ContainerEventResponse of(
      Envelope envelope, String id, String sandboxId, ContainerEventType type) {
    ContainerEventResponse.Builder response =
        ContainerEventResponse.newBuilder()
            .setContainerId(id)
            .setContainerEventType(type)
            .setCreatedAt(envelope.wallNanos());
    sandboxes
        .find(sandboxId)
        .ifPresent(pod -> response.setPodSandboxStatus(CriViews.sandboxStatus(pod)));
    for (ContainerEntry entry : containers.ofSandbox(sandboxId)) {
      response.addContainersStatuses(
          CriViews.containerStatus(entry, tasks.find(NAMESPACE, entry.getContainer().getId())));
    }
    return response.build();
  }

  /** The client's end of a stream, at the client's pace. */
  private static final class Outlet {
    private final ServerCallStreamObserver<ContainerEventResponse> observer;
    private final Semaphore changed = new Semaphore(0);

    Outlet(ServerCallStreamObserver<ContainerEventResponse> observer) {
      this.observer = observer;
      observer.setOnReadyHandler(changed::release);
      observer.setOnCancelHandler(changed::release);
    }

    boolean gone() {
      return observer.isCancelled();
    }

    void put(ContainerEventResponse event) throws InterruptedException {
      while (!observer.isReady() && !observer.isCancelled()) {
        if (!changed.tryAcquire(STALL_SECONDS, TimeUnit.SECONDS)) {
          throw Refusal.deadlineExceeded(
              "the client has taken no event for " + STALL_SECONDS + " s; subscribe again");
        }
      }
      if (!observer.isCancelled()) {
        observer.onNext(event);
      }
    }

    void fail(Throwable why) {
      if (!observer.isCancelled()) {
        observer.onError(why);
      }
    }
  }
}
