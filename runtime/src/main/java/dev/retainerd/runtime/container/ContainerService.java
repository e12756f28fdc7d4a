package dev.retainerd.runtime.container;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreateFailedPayload;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerCreatingPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.ContainerRemovedPayload;
import dev.retainerd.eventlog.proto.ContainerRemovingPayload;
import dev.retainerd.eventlog.proto.ContainerUpdatedPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.engine.Answered;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxContainers;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.task.RestoreFrom;
import dev.retainerd.runtime.task.StopService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.Term;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Containers of pods. Each method records its intent, carries out effects that can be repeated and
 * undone, and records the outcome. Thread-safe; operations on one container follow each other, and
 * a request that repeats one under way joins it.
 */
public final class ContainerService implements SandboxContainers {
  private static final Logger LOG = LoggerFactory.getLogger(ContainerService.class);
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(110);
  private static final Duration GONE_PATIENCE = Duration.ofSeconds(30);
  private static final int SIGTERM = 15;
  private static final String LIMITS_TYPE =
      "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
  private static final String SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

  /** What a container is made of. */
  public record Effects(
      ContainerImages images,
      RootFilesystems rootfs,
      ImageVolumes volumes,
      ContainerSpecs specs,
      ContainerFolders folders,
      ContainerRecords records,
      SavedContainers saved) {}

  private final Journal journal;
  private final TaskService tasks;
  private final StopService stops;
  private final Effects effects;
  private final int maxLogLineBytes;
  private final KeptCheckpoints checkpoints;
  private final SharedPids pids;
  private final KeyLocks locks = new KeyLocks();
  private final Answered answered = new Answered();

  /**
   * Containers over these services.
   *
   * @param maxLogLineBytes after which a line of a container's log is cut in parts; 0 or less for
   *     never
   */
  public ContainerService(
      Journal journal, TaskService tasks, StopService stops, Effects effects, int maxLogLineBytes) {
    this.journal = journal;
    this.tasks = tasks;
    this.stops = stops;
    this.effects = effects;
    this.checkpoints = new KeptCheckpoints(effects);
    this.pids = new SharedPids(tasks);
    this.maxLogLineBytes = Math.max(0, maxLogLineBytes);
  }

  /** The container's entry, if it was made over CRI. */
  public Optional<ContainerEntry> find(String id) {
    return journal
        .state()
        .get(Kind.CONTAINER.key(NAMESPACE, id))
        .filter(e -> e.getContainer().hasCri());
  }

  /** The container's entry; NOT_FOUND where there is none. */
  public ContainerEntry get(String id) {
    return find(id).orElseThrow(() -> Refusal.notFound("container " + id + " does not exist"));
  }

  /** Every container made over CRI. */
  public List<ContainerEntry> list() {
    return beginning("");
  }

  /** Every container made over CRI whose id begins so. */
  public List<ContainerEntry> beginning(String prefix) {
    List<ContainerEntry> found = new ArrayList<>();
    journal.state().forEach(Kind.CONTAINER, NAMESPACE, prefix, (id, entry) -> take(entry, found));
    return found;
  }

  /** Every container made over CRI that carries a term. */
  public List<ContainerEntry> having(Term term) {
    List<ContainerEntry> found = new ArrayList<>();
    journal.state().forEach(Kind.CONTAINER, NAMESPACE, term, (id, entry) -> take(entry, found));
    return found;
  }

  private static void take(ContainerEntry entry, List<ContainerEntry> into) {
    if (entry.getContainer().hasCri()) {
      into.add(entry);
    }
  }

  /** The containers of a pod. */
  public List<ContainerEntry> ofSandbox(String sandboxId) {
    return having(Term.inPod(sandboxId));
  }

  /**
   * Makes a container in a pod. Where its image is a checkpoint, it goes on from there when it is
   * started.
   *
   * @return its id; that of the earlier request where this one repeats it
   */
  public String create(
      Origin origin, String sandboxId, ContainerConfig config, PodSandboxConfig podConfig) {
    return create(origin, sandboxId, config, podConfig, Optional.empty());
  }

  /**
   * As above, on the image that the configuration names.
   *
   * @param saved what it goes on from; its image must be that one
   */
  public String restore(
      Origin origin,
      String sandboxId,
      ContainerConfig config,
      PodSandboxConfig podConfig,
      SavedContainer saved) {
    return create(origin, sandboxId, config, podConfig, Optional.of(saved));
  }

  private String create(
      Origin origin,
      String sandboxId,
      ContainerConfig config,
      PodSandboxConfig podConfig,
      Optional<SavedContainer> saved) {
    if (config.getMetadata().getName().isEmpty()) {
      throw Refusal.invalidArgument("the container config names none; set metadata.name");
    }
    SandboxEntry sandbox =
        journal
            .state()
            .get(Kind.SANDBOX.key(NAMESPACE, sandboxId))
            .orElseThrow(() -> Refusal.notFound("pod sandbox " + sandboxId + " does not exist"));
    // A kubelet starts what it has made at once.
    tasks.expectProcess();
    String name =
        config.getMetadata().getName()
            + "_"
            + config.getMetadata().getAttempt()
            + " of pod "
            + sandboxId;
    try (KeyLocks.Held held = locks.hold("container name " + name, LOCK_PATIENCE)) {
      Optional<ContainerEntry> taken =
          ofSandbox(sandboxId).stream()
              .filter(
                  e ->
                      e.getContainer().getCri().getName().equals(config.getMetadata().getName())
                          && e.getContainer().getCri().getAttempt()
                              == config.getMetadata().getAttempt())
              .findFirst();
      if (taken.isPresent()) {
        return joined(taken.get(), name, config);
      }
      if (sandbox.getPhase() != SandboxPhase.SANDBOX_PHASE_READY) {
        throw Refusal.failedPrecondition(
            "pod sandbox " + sandboxId + " is not ready for containers; run it again");
      }
      Call call = new Call(origin, sandbox.getSandbox(), config, podConfig);
      if (saved.isPresent()) {
        return create(call, resolved(call), saved);
      }
      return createNamed(call);
    }
  }

  private String createNamed(Call call) {
    String named = call.config().getImage().getImage();
    Optional<SavedContainer> archive = effects.saved().archive(named);
    if (archive.isPresent()) {
      return createFrom(call, archive.get());
    }
    ContainerImages.Resolved image = resolved(call);
    return image.checkpoint()
        ? createFrom(call, effects.saved().image(image))
        : create(call, image, archive);
  }

  private ContainerImages.Resolved resolved(Call call) {
    return effects
        .images()
        .resolve(call.origin(), call.config().getImage(), call.sandbox().getRuntimeHandler());
  }

  private String createFrom(Call call, SavedContainer checkpoint) {
    try (SavedContainer saved = checkpoint) {
      return create(
          call, checkpoints.image(call.origin(), call.sandbox(), saved), Optional.of(saved));
    }
  }

  /** A create that was let in. */
  private record Call(
      Origin origin, SandboxRecord sandbox, ContainerConfig config, PodSandboxConfig podConfig) {}

  /** The caller of {@link #create} has got the id: from now on the same request is no retry. */
  public void answered(String id) {
    answered.tell(id);
  }

  private String joined(ContainerEntry taken, String name, ContainerConfig config) {
    boolean same =
        taken.getContainer().getCri().getConfig().equals(config.toByteString())
            && answered.isUnknown(taken.getContainer().getId());
    if (same && taken.getPhase() == ContainerPhase.CONTAINER_PHASE_CREATED) {
      return taken.getContainer().getId();
    }
    throw Refusal.alreadyExists(
        "the name "
            + name
            + " belongs to container "
            + taken.getContainer().getId()
            + "; remove that one first, or ask with the next attempt");
  }

  private String create(Call call, ContainerImages.Resolved image, Optional<SavedContainer> saved) {
    Origin origin = call.origin();
    SandboxRecord sandbox = call.sandbox();
    ContainerConfig config = call.config();
    ContainerRecord record =
        effects
            .records()
            .of(sandbox, config, image, effects.rootfs().snapshotter(sandbox), saved.isPresent());
    String id = record.getId();
    try {
      RootFilesystems.Prepared root =
          effects
              .rootfs()
              .prepare(origin, id, image.chainId(), sandbox, more -> intend(origin, record, more));
      Failpoint.CONTAINER_SNAPSHOT_PREPARED.hit();
      effects.folders().make(record);
      saved.ifPresent(one -> checkpoints.keep(id, one, root.mounts()));
      Failpoint.CONTAINER_FOLDER_MADE.hit();
      Map<String, ImageVolumes.Volume> volumes =
          effects.volumes().mount(origin, id, sandbox, config.getMountsList());
      ContainerSpecs.Made made =
          effects
              .specs()
              .of(
                  new ContainerSpecs.Input(
                      id,
                      sandbox,
                      call.podConfig(),
                      config,
                      image,
                      root.mounts(),
                      volumes.entrySet().stream()
                          .collect(Collectors.toMap(Map.Entry::getKey, v -> v.getValue().path())),
                      pids.init(sandbox.getHasPause() ? sandbox.getId() : ""),
                      pids.target(config)));
      journal.commit(
          origin,
          NAMESPACE,
          root.outcome(),
          new Event.ContainerCreated(
              ContainerCreatedPayload.newBuilder()
                  .setContainer(
                      ContainerRecords.withFacts(record, made.runsAs(), volumes).toBuilder()
                          .setSpec(
                              Opaque.newBuilder()
                                  .setTypeUrl(SPEC_TYPE)
                                  .setValue(ByteString.copyFrom(made.spec()))))
                  .build()));
      Failpoint.CONTAINER_OUTCOME_RECORDED.hit();
      return id;
    } catch (RuntimeException e) {
      if (find(id).isPresent()) {
        undo(origin, id, message(e));
      }
      throw e instanceof Refusal r
          ? r
          : Refusal.internal("container " + id + " could not be made: " + message(e), e);
    }
  }

  /** The intents of the container and of its root file system, with one wait for the disk. */
  private void intend(Origin origin, ContainerRecord record, List<Event> more) {
    List<Event> events = new ArrayList<>();
    events.add(
        new Event.ContainerCreating(
            ContainerCreatingPayload.newBuilder().setContainer(record).build()));
    events.addAll(more);
    journal.commit(origin, NAMESPACE, events);
    Failpoint.CONTAINER_INTENT_RECORDED.hit();
  }

  /**
   * Gives a container other limits. They are recorded first: a container that is not started yet
   * gets them at its start, one that runs at once; where it cannot have them, the old ones are
   * recorded again.
   *
   * @param changes what is not set in them stays as it is
   */
  public void update(Origin origin, String id, LinuxContainerResources changes) {
    try (KeyLocks.Held held = locks.hold("container " + id, LOCK_PATIENCE)) {
      ContainerRecord before = get(id).getContainer();
      Opaque spec = spec(id);
      LinuxContainerResources merged =
          ContainerRecords.merged(
              ContainerRecords.config(before).getLinux().getResources(), changes);
      ContainerSpecs.Updated updated =
          effects.specs().updated(spec.getValue().toByteArray(), merged);
      boolean runs = runs(id);
      ContainerRecord after =
          runs
              ? ContainerRecords.withPendingResources(before, merged)
              : ContainerRecords.withResources(before, merged);
      record(
          origin,
          after.toBuilder()
              .setSpec(spec.toBuilder().setValue(ByteString.copyFrom(updated.spec()))));
      Failpoint.CONTAINER_UPDATE_RECORDED.hit();
      if (!runs) {
        return;
      }
      try {
        apply(id, updated.limits());
      } catch (Refusal e) {
        record(origin, before.toBuilder().setSpec(spec));
        throw e;
      }
      Failpoint.CONTAINER_UPDATE_APPLIED.hit();
      record(origin, ContainerRecords.settled(after).toBuilder());
    }
  }

  /** Whether new limits were recorded, and it is not known whether its process has them. */
  public static boolean hasOpenUpdate(ContainerEntry entry) {
    return entry.getContainer().getCri().hasLimitsBefore();
  }

  /**
   * Carries out an update that an earlier daemon recorded; where that cannot be, the limits of
   * before are recorded again.
   */
  public void settleUpdate(Origin origin, String id) {
    try (KeyLocks.Held held = locks.hold("container " + id, LOCK_PATIENCE)) {
      ContainerEntry entry = get(id);
      if (!hasOpenUpdate(entry)) {
        return;
      }
      ContainerRecord record = entry.getContainer();
      Opaque spec = spec(id);
      try {
        LinuxContainerResources recorded =
            ContainerRecords.config(record).getLinux().getResources();
        apply(id, effects.specs().updated(spec.getValue().toByteArray(), recorded).limits());
        record(origin, ContainerRecords.settled(record).toBuilder());
      } catch (Refusal e) {
        if (e.is(Refusal.Code.UNAVAILABLE) || e.is(Refusal.Code.DEADLINE_EXCEEDED)) {
          // Its shim does not answer: whether it has them stays open.
          throw e;
        }
        LOG.warn("container {} keeps its limits of before: {}", id, e.sentence());
        LinuxContainerResources old = ContainerRecords.limitsBefore(record);
        byte[] with = effects.specs().updated(spec.getValue().toByteArray(), old).spec();
        record(
            origin,
            ContainerRecords.settled(ContainerRecords.withResources(record, old)).toBuilder()
                .setSpec(spec.toBuilder().setValue(ByteString.copyFrom(with))));
      }
    }
  }

  private Opaque spec(String id) {
    return journal
        .state()
        .get(Kind.SPEC.key(NAMESPACE, id))
        .orElseThrow(() -> Refusal.failedPrecondition("container " + id + " is still being made"))
        .getSpec();
  }

  private void record(Origin origin, ContainerRecord.Builder record) {
    journal.commit(
        origin,
        NAMESPACE,
        new Event.ContainerUpdated(
            ContainerUpdatedPayload.newBuilder().setContainer(record).build()));
  }

  private boolean runs(String id) {
    return tasks
        .find(NAMESPACE, id)
        .filter(t -> t.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
        .isPresent();
  }

  private void apply(String id, byte[] limits) {
    if (!runs(id)) {
      return;
    }
    try {
      tasks.update(
          NAMESPACE,
          id,
          Opaque.newBuilder()
              .setTypeUrl(LIMITS_TYPE)
              .setValue(ByteString.copyFrom(limits))
              .build());
    } catch (Refusal e) {
      // Ended in between: there is nothing to limit any more.
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        throw e;
      }
    }
  }

  /**
   * Takes back whatever a creation did, and says that it failed. Also for creations of an earlier
   * daemon.
   */
  public void undo(Origin origin, String id, String reason) {
    unmountImages(origin, id);
    effects.rootfs().remove(origin, id);
    effects.folders().remove(id);
    journal.commit(
        origin,
        NAMESPACE,
        new Event.ContainerCreateFailed(
            ContainerCreateFailedPayload.newBuilder().setId(id).setReason(reason).build()));
  }

  private void unmountImages(Origin origin, String id) {
    ContainerConfig config = ContainerRecords.config(get(id).getContainer());
    effects.volumes().unmount(origin, id, config.getMountsList());
  }

  /** Runs the container's process. A container that runs already is left as it is. */
  public void start(Origin origin, String id) {
    tasks.expectProcess();
    try (KeyLocks.Held held = locks.hold("container " + id, LOCK_PATIENCE)) {
      ContainerEntry container = get(id);
      Optional<TaskEntry> task = tasks.find(NAMESPACE, id);
      if (task.isPresent() && task.get().getPhase() == TaskPhase.TASK_PHASE_RUNNING) {
        return;
      }
      if (container.getLastRun().hasExit()
          || !container.getLastRun().getStartFailure().isEmpty()
          || task.isPresent() && hasRun(task.get())) {
        throw Refusal.failedPrecondition(
            "container " + id + " has ended and cannot be started again; make a new one");
      }
      requireReady(container.getContainer().getSandboxId());
      try {
        boolean restored = container.getContainer().getCri().getRestored();
        if (task.isEmpty() && restored) {
          tasks.create(origin, NAMESPACE, id, options(container, checkpoints.of(id)));
        }
        if (task.isPresent() || restored) {
          tasks.start(origin, NAMESPACE, id);
          checkpoints.release(id);
        } else {
          tasks.run(origin, NAMESPACE, id, options(container, RestoreFrom.NOTHING));
        }
      } catch (Refusal e) {
        if (tasks.find(NAMESPACE, id).isPresent()) {
          discard(origin, id);
        }
        throw e;
      }
    }
  }

  private TaskService.CreateOptions options(ContainerEntry container, RestoreFrom restore) {
    return new TaskService.CreateOptions(
        effects.rootfs().mounts(container.getContainer().getId()),
        effects.folders().stdio(container.getContainer(), maxLogLineBytes),
        Optional.empty(),
        restore);
  }

  private void discard(Origin origin, String id) {
    try {
      tasks.delete(origin, NAMESPACE, id);
    } catch (Refusal left) {
      LOG.warn("task {} that could not be started is still there: {}", id, left.sentence());
    }
  }

  private static boolean hasRun(TaskEntry task) {
    return task.getPhase() == TaskPhase.TASK_PHASE_STOPPED
        || task.getPhase() == TaskPhase.TASK_PHASE_PAUSED;
  }

  private void requireReady(String sandboxId) {
    boolean ready =
        journal
            .state()
            .get(Kind.SANDBOX.key(NAMESPACE, sandboxId))
            .filter(s -> s.getPhase() == SandboxPhase.SANDBOX_PHASE_READY)
            .isPresent();
    if (!ready) {
      throw Refusal.failedPrecondition(
          "pod sandbox " + sandboxId + " is not ready; its containers cannot be started");
    }
  }

  /** Stops the container's process; harmless where it does not run or the container is gone. */
  public void stop(Origin origin, String id, Duration grace) {
    stop(origin, id, grace, new CompletableFuture<>());
  }

  /** As above; a stop that is given up within the grace time is CANCELLED and kills nothing. */
  public void stop(Origin origin, String id, Duration grace, CompletableFuture<Void> givenUp) {
    Optional<ContainerEntry> container = find(id);
    if (container.isEmpty()) {
      return;
    }
    stops.stop(origin, NAMESPACE, id, stopSignal(container.get()), grace, givenUp);
    awaitDeleted(id);
  }

  private static int stopSignal(ContainerEntry container) {
    String name = container.getContainer().getCri().getStopSignal();
    return name.isEmpty() ? SIGTERM : SignalNames.number(name);
  }

  /** The exit is durable; the task itself goes a moment later, and with it its mounts. */
  private void awaitDeleted(String id) {
    try {
      boolean gone = journal.await(Kind.TASK.key(NAMESPACE, id), t -> t == null, GONE_PATIENCE);
      if (!gone) {
        throw Refusal.deadlineExceeded(
            "container "
                + id
                + " has ended, but what it leaves is not cleaned up after "
                + GONE_PATIENCE.toSeconds()
                + " s; see the daemon's log");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for container " + id + " was given up");
    }
  }

  /** Removes a container, ending it first if it runs; harmless where it is gone. */
  public void remove(Origin origin, String id) {
    try (KeyLocks.Held held = locks.hold("container " + id, LOCK_PATIENCE)) {
      if (find(id).isEmpty()) {
        return;
      }
      Optional<TaskEntry> task = tasks.find(NAMESPACE, id);
      if (task.isPresent()) {
        if (task.get().getPhase() == TaskPhase.TASK_PHASE_CREATED) {
          tasks.deleteIfThere(origin, NAMESPACE, id);
        } else {
          stop(origin, id, Duration.ZERO);
        }
      }
      effects
          .rootfs()
          .remove(
              origin,
              id,
              removing -> {
                List<Event> events = new ArrayList<>();
                events.add(
                    new Event.ContainerRemoving(
                        ContainerRemovingPayload.newBuilder().setId(id).build()));
                events.addAll(removing);
                journal.commit(origin, NAMESPACE, events);
                Failpoint.CONTAINER_REMOVE_RECORDED.hit();
              },
              removed -> finishRemoval(origin, id, removed));
    }
  }

  private void finishRemoval(Origin origin, String id, List<Event> removed) {
    unmountImages(origin, id);
    Failpoint.CONTAINER_SNAPSHOT_REMOVED.hit();
    effects.folders().remove(id);
    Failpoint.CONTAINER_FOLDER_REMOVED.hit();
    List<Event> events = new ArrayList<>(removed);
    events.add(new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(id).build()));
    journal.commit(origin, NAMESPACE, events);
    answered.forget(id);
    Failpoint.CONTAINER_REMOVED_RECORDED.hit();
  }

  @Override
  public void stopAll(Origin origin, String sandboxId) {
    List<Thread> stopping = new ArrayList<>();
    List<RuntimeException> failures = new ArrayList<>();
    for (ContainerEntry container : ofSandbox(sandboxId)) {
      String id = container.getContainer().getId();
      if (tasks.find(NAMESPACE, id).isEmpty()) {
        continue;
      }
      stopping.add(
          Thread.ofVirtual()
              .name("stop-" + id)
              .start(
                  () -> {
                    try {
                      endTask(origin, id);
                    } catch (RuntimeException e) {
                      synchronized (failures) {
                        failures.add(e);
                      }
                    }
                  }));
    }
    for (Thread thread : stopping) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Refusal.cancelled("the wait for the containers of a pod was given up");
      }
    }
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  private void endTask(Origin origin, String id) {
    Optional<TaskEntry> task = tasks.find(NAMESPACE, id);
    if (task.isPresent() && task.get().getPhase() == TaskPhase.TASK_PHASE_CREATED) {
      tasks.deleteIfThere(origin, NAMESPACE, id);
    } else {
      stop(origin, id, Duration.ZERO);
    }
  }

  @Override
  public void removeAll(Origin origin, String sandboxId) {
    ofSandbox(sandboxId).forEach(c -> remove(origin, c.getContainer().getId()));
  }

  /** The root mounts of a container, for those who need to look into it. */
  public List<RootMount> rootfs(String id) {
    return effects.rootfs().mounts(id);
  }

  private static String message(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
