package dev.retainerd.runtime.group;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.GroupCreatedPayload;
import dev.retainerd.eventlog.proto.GroupRemovedPayload;
import dev.retainerd.eventlog.proto.GroupStartedPayload;
import dev.retainerd.eventlog.proto.GroupStoppedPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.NamespaceBirth;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.runtime.task.StopService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.GroupEntry;
import dev.retainerd.store.proto.GroupPhase;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.Term;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Groups: containers that name the same sandbox and share a shim, which stands ready before the
 * first of them comes. A group has no process of its own; it is stopped when none of its containers
 * runs. Thread-safe.
 *
 * <p>Semantics and refusals: the sandbox controller that containerd calls {@code shim}.
 */
public final class GroupService {
  private static final int SIGTERM = 15;

  /** Longer than a stop with the longest grace time takes. */
  private static final Duration LOCK_PATIENCE = Duration.ofHours(2);

  private final Journal journal;
  private final Shims shims;
  private final TaskService tasks;
  private final StopService stops;
  private final KeyLocks locks = new KeyLocks();
  private final ConcurrentHashMap<Key<GroupEntry>, CompletableFuture<GroupEntry>> ends =
      new ConcurrentHashMap<>();

  public GroupService(Journal journal, Shims shims, TaskService tasks, StopService stops) {
    this.journal = journal;
    this.shims = shims;
    this.tasks = tasks;
    this.stops = stops;
    journal.addListener(this::onEvent);
  }

  /** The group, or empty where there is none. */
  public Optional<GroupEntry> find(String namespace, String id) {
    return journal.state().get(Kind.GROUP.key(namespace, id));
  }

  /** The group; NOT_FOUND where there is none. */
  public GroupEntry get(String namespace, String id) {
    return find(namespace, id)
        .orElseThrow(
            () ->
                Refusal.notFound(
                    "sandbox \""
                        + id
                        + "\" does not run: not found; create it with the controller"));
  }

  /** The shim that the group lives in; empty where that has gone with the node's last boot. */
  public Optional<ShimEntry> home(String namespace, String id) {
    return shims
        .home(owner(namespace, id))
        .flatMap(shim -> journal.state().get(Kind.SHIM.key("", shim)));
  }

  /**
   * Finds the group a place in a shim.
   *
   * @param netnsPath noted with it; containers bring it in their specs
   * @throws Refusal ALREADY_EXISTS
   */
  public void create(Origin origin, String namespace, String id, String netnsPath) {
    NamespaceBirth.ensure(journal, origin, namespace);
    String owner = owner(namespace, id);
    try (KeyLocks.Held held = hold(owner)) {
      if (find(namespace, id).isPresent()) {
        throw Refusal.alreadyExists("sandbox " + id + " already running: already exists");
      }
      try {
        Shims.Placement placement = shims.place(owner);
        List<Event> events = new ArrayList<>(placement.events());
        events.add(
            new Event.GroupCreated(
                GroupCreatedPayload.newBuilder().setId(id).setNetnsPath(netnsPath).build()));
        journal.commit(origin, namespace, events);
      } finally {
        shims.placed(owner);
      }
    }
  }

  /**
   * Makes it ready.
   *
   * @throws Refusal NOT_FOUND, FAILED_PRECONDITION where it was started before
   */
  public GroupEntry start(Origin origin, String namespace, String id) {
    try (KeyLocks.Held held = hold(owner(namespace, id))) {
      if (get(namespace, id).getPhase() != GroupPhase.GROUP_PHASE_CREATED) {
        throw Refusal.failedPrecondition(
            "sandbox " + id + " was started before; it can be started once");
      }
      journal.commit(
          origin,
          namespace,
          new Event.GroupStarted(GroupStartedPayload.newBuilder().setId(id).build()));
      return get(namespace, id);
    }
  }

  /**
   * Asks its containers to end by SIGTERM, and ends those that have not after {@code grace}. One
   * that is stopped, or not there, is fine.
   */
  public void stop(Origin origin, String namespace, String id, Duration grace) {
    try (KeyLocks.Held held = hold(owner(namespace, id))) {
      Optional<GroupEntry> group = find(namespace, id);
      if (group.isEmpty()) {
        return;
      }
      stopContainers(origin, namespace, id, grace);
      if (group.get().getPhase() != GroupPhase.GROUP_PHASE_STOPPED) {
        journal.commit(
            origin,
            namespace,
            new Event.GroupStopped(GroupStoppedPayload.newBuilder().setId(id).build()));
      }
    }
  }

  private void stopContainers(Origin origin, String namespace, String id, Duration grace) {
    List<Future<?>> under = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String container : members(namespace, id)) {
        under.add(threads.submit(() -> stops.stop(origin, namespace, container, SIGTERM, grace)));
      }
      for (Future<?> one : under) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Refusal refusal
          ? refusal
          : Refusal.internal("sandbox " + id + " could not be stopped", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the stop of sandbox " + id + " was interrupted");
    }
  }

  /** The cgroup metrics of its tasks, as typed values; of those that run. */
  public List<Opaque> stats(String namespace, String id) {
    List<Opaque> found = new ArrayList<>();
    for (String container : members(namespace, id)) {
      try {
        found.add(tasks.stats(namespace, container));
      } catch (Refusal e) {
        // No task, or it ended meanwhile: its cgroup is gone.
        boolean runs =
            tasks
                .find(namespace, container)
                .filter(task -> task.getPhase() != TaskPhase.TASK_PHASE_STOPPED)
                .isPresent();
        if (runs && !e.is(Refusal.Code.NOT_FOUND)) {
          throw e;
        }
      }
    }
    return found;
  }

  private List<String> members(String namespace, String id) {
    List<String> found = new ArrayList<>();
    journal
        .state()
        .forEach(Kind.CONTAINER, namespace, Term.inPod(id), (name, entry) -> found.add(name));
    return found;
  }

  /**
   * Gives its place in the shim back.
   *
   * @throws Refusal NOT_FOUND; FAILED_PRECONDITION while it is ready or has tasks
   */
  public void remove(Origin origin, String namespace, String id) {
    String owner = owner(namespace, id);
    try (KeyLocks.Held held = hold(owner)) {
      boolean busy =
          get(namespace, id).getPhase() == GroupPhase.GROUP_PHASE_READY
              || members(namespace, id).stream()
                  .anyMatch(m -> tasks.find(namespace, m).isPresent());
      if (busy) {
        throw Refusal.failedPrecondition(
            "sandbox " + id + " is not stopped, or has tasks; stop it and delete them first");
      }
      List<Event> events = new ArrayList<>(shims.leaving(owner));
      events.add(new Event.GroupRemoved(GroupRemovedPayload.newBuilder().setId(id).build()));
      journal.commit(origin, namespace, events);
    }
    shims.keepSpare();
  }

  /** Completes with the group when it is stopped; cancel it when nobody waits any more. */
  public CompletableFuture<GroupEntry> stopped(String namespace, String id) {
    get(namespace, id);
    CompletableFuture<GroupEntry> end =
        ends.computeIfAbsent(Kind.GROUP.key(namespace, id), key -> new CompletableFuture<>());
    // Looked at only now: what happens from here on completes it.
    Optional<GroupEntry> now = find(namespace, id);
    if (now.isEmpty()) {
      end.completeExceptionally(Refusal.notFound("sandbox " + id + " was removed: not found"));
    } else if (now.get().getPhase() == GroupPhase.GROUP_PHASE_STOPPED) {
      end.complete(now.get());
    }
    if (end.isDone()) {
      ends.remove(Kind.GROUP.key(namespace, id), end);
    }
    // A copy for each caller: one that goes takes nothing from the others.
    return end.copy();
  }

  private void onEvent(Envelope envelope, Event event) {
    switch (event) {
      case Event.GroupStopped e -> ended(envelope.namespace(), e.payload().getId());
      case Event.GroupRemoved e -> ended(envelope.namespace(), e.payload().getId());
      default -> {}
    }
  }

  private void ended(String namespace, String id) {
    CompletableFuture<GroupEntry> end = ends.remove(Kind.GROUP.key(namespace, id));
    if (end == null) {
      return;
    }
    Optional<GroupEntry> group = find(namespace, id);
    if (group.isPresent()) {
      end.complete(group.get());
    } else {
      end.completeExceptionally(Refusal.notFound("sandbox " + id + " was removed: not found"));
    }
  }

  /** Groups of the node's last boot run no more. Before any client is served. */
  public void rebooted(Origin origin) {
    List<Key<GroupEntry>> ready = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.GROUP,
            (key, group) -> {
              if (group.getPhase() == GroupPhase.GROUP_PHASE_READY) {
                ready.add(key);
              }
            });
    for (Key<GroupEntry> key : ready) {
      journal.commit(
          origin,
          key.namespace(),
          new Event.GroupStopped(GroupStoppedPayload.newBuilder().setId(key.id()).build()));
    }
  }

  private static String owner(String namespace, String id) {
    return namespace + "/" + id;
  }

  private KeyLocks.Held hold(String owner) {
    return locks.hold("sandbox " + owner, LOCK_PATIENCE);
  }
}
