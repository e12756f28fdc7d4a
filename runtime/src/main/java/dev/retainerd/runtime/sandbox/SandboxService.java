package dev.retainerd.runtime.sandbox;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.NetworkAttachment;
import dev.retainerd.eventlog.proto.RestoredMember;
import dev.retainerd.eventlog.proto.SandboxCheckpointingPayload;
import dev.retainerd.eventlog.proto.SandboxCreateFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxEndedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkAttachedPayload;
import dev.retainerd.eventlog.proto.SandboxNetworkDetachedPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.SandboxRemovedPayload;
import dev.retainerd.eventlog.proto.SandboxRemovingPayload;
import dev.retainerd.eventlog.proto.SandboxResourcesUpdatedPayload;
import dev.retainerd.eventlog.proto.SandboxRestoreFailedPayload;
import dev.retainerd.eventlog.proto.SandboxRestoredPayload;
import dev.retainerd.eventlog.proto.SandboxStoppedPayload;
import dev.retainerd.eventlog.proto.SandboxStoppingPayload;
import dev.retainerd.runtime.engine.Answered;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.NamespaceBirth;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.Term;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Pods. Each method records its intent, carries out effects that can be repeated and undone, and
 * records the outcome; it returns when that is durable. Thread-safe; operations on one pod follow
 * each other, and a request that repeats one under way joins it by waiting its turn and finding the
 * work done.
 *
 * <p>Pods live in containerd's namespace {@value #NAMESPACE}, as Kubernetes' do.
 */
public final class SandboxService {
  /** Where everything made over CRI lives. */
  public static final String NAMESPACE = "k8s.io";

  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(110);
  private static final Duration CHECKPOINT_PATIENCE = Duration.ofSeconds(30);

  /** The effects a pod is made of. */
  public record Effects(
      PodFolder folder,
      PodNamespaces namespaces,
      PodNetwork network,
      PausePods pause,
      SandboxContainers containers) {}

  private final Journal journal;
  private final Shims shims;
  private final Effects effects;
  private final SandboxRecords records;
  private final KeyLocks locks = new KeyLocks();
  private final Answered answered = new Answered();

  public SandboxService(Journal journal, Shims shims, Effects effects, SandboxRecords records) {
    this.journal = journal;
    this.shims = shims;
    this.effects = effects;
    this.records = records;
  }

  /** The pod's entry. */
  public Optional<SandboxEntry> find(String id) {
    return journal.state().get(Kind.SANDBOX.key(NAMESPACE, id));
  }

  /** The pod's entry; NOT_FOUND where there is none. */
  public SandboxEntry get(String id) {
    return find(id).orElseThrow(() -> Refusal.notFound("pod sandbox " + id + " does not exist"));
  }

  /** Every pod. */
  public List<SandboxEntry> list() {
    return journal.state().list(Kind.SANDBOX, NAMESPACE);
  }

  /** Every pod that carries a term. */
  public List<SandboxEntry> having(Term term) {
    List<SandboxEntry> found = new ArrayList<>();
    journal.state().forEach(Kind.SANDBOX, NAMESPACE, term, (id, pod) -> found.add(pod));
    return found;
  }

  /** Every pod whose id begins so. */
  public List<SandboxEntry> beginning(String prefix) {
    List<SandboxEntry> found = new ArrayList<>();
    journal.state().forEach(Kind.SANDBOX, NAMESPACE, prefix, (id, pod) -> found.add(pod));
    return found;
  }

  /**
   * Makes a pod ready for containers.
   *
   * @return its id; that of the earlier request where this one repeats it and nobody got the answer
   *     to that one
   */
  public String run(Origin origin, PodSandboxConfig config, String runtimeHandler) {
    records.check().accept(config);
    records.handlers().accept(runtimeHandler);
    String name = SandboxRecords.reservedName(config);
    try (KeyLocks.Held held = locks.hold("pod " + name, LOCK_PATIENCE)) {
      Optional<SandboxEntry> taken = having(SandboxRecords.term(config)).stream().findFirst();
      if (taken.isPresent()) {
        return joined(taken.get(), name, config);
      }
      SandboxRecord record = records.of(config, runtimeHandler);
      create(origin, record, config);
      return record.getId();
    }
  }

  /**
   * Makes a pod for containers that come from a checkpoint. Until {@link #restored} it belongs to
   * nobody: a daemon that dies before that leaves it to the next one to remove.
   *
   * @param from the checkpoint's path
   * @return its id
   * @throws Refusal ALREADY_EXISTS where there is a pod of that name: a repeated request joins none
   */
  public String restore(
      Origin origin, PodSandboxConfig config, String runtimeHandler, String from) {
    records.check().accept(config);
    records.handlers().accept(runtimeHandler);
    String name = SandboxRecords.reservedName(config);
    try (KeyLocks.Held held = locks.hold("pod " + name, LOCK_PATIENCE)) {
      Optional<SandboxEntry> taken = having(SandboxRecords.term(config)).stream().findFirst();
      if (taken.isPresent()) {
        throw taken(taken.get(), name);
      }
      SandboxRecord record =
          records.of(config, runtimeHandler).toBuilder().setRestoredFrom(from).build();
      create(origin, record, config);
      return record.getId();
    }
  }

  /** All containers of a pod that is being restored are there. */
  public void restored(Origin origin, String id, List<RestoredMember> members) {
    journal.commit(
        origin,
        NAMESPACE,
        new Event.SandboxRestored(
            SandboxRestoredPayload.newBuilder().setId(id).addAllMembers(members).build()));
  }

  /** Takes a pod back that could not be restored, with the containers that it has got. */
  public void unrestore(Origin origin, String id, String reason) {
    Optional<SandboxPhase> phase = find(id).map(SandboxEntry::getPhase);
    if (phase.isPresent() && phase.get() != SandboxPhase.SANDBOX_PHASE_REMOVING) {
      journal.commit(
          origin,
          NAMESPACE,
          new Event.SandboxRestoreFailed(
              SandboxRestoreFailedPayload.newBuilder().setId(id).setReason(reason).build()));
    }
    remove(origin, id);
  }

  /**
   * Records that containers of a pod are about to be paused for a checkpoint.
   *
   * @throws Refusal FAILED_PRECONDITION where the pod is not ready, or another checkpoint of it is
   *     being made
   */
  public void checkpointing(Origin origin, SandboxCheckpointingPayload intent) {
    String id = intent.getId();
    try (KeyLocks.Held held = locks.hold("pod " + id, LOCK_PATIENCE)) {
      SandboxEntry entry = get(id);
      if (entry.getPhase() != SandboxPhase.SANDBOX_PHASE_READY) {
        throw Refusal.failedPrecondition(
            "pod sandbox "
                + id
                + " is "
                + readable(entry.getPhase())
                + ", not READY, and cannot be checkpointed");
      }
      if (entry.getRestoring()) {
        throw Refusal.failedPrecondition("pod sandbox " + id + " is still being restored");
      }
      if (entry.hasCheckpoint()) {
        throw Refusal.failedPrecondition(
            "a checkpoint of pod sandbox " + id + " is being made already; wait for its end");
      }
      journal.commit(origin, NAMESPACE, new Event.SandboxCheckpointing(intent));
    }
  }

  /** Records what came of that. */
  public void checkpointed(Origin origin, Event.OfPodCheckpoint outcome) {
    journal.commit(origin, NAMESPACE, outcome);
  }

  /** Where a checkpoint is being made, its files are taken back before the pod is forgotten. */
  private void awaitCheckpoint(String id) {
    try {
      boolean over =
          journal.await(
              Kind.SANDBOX.key(NAMESPACE, id),
              pod -> pod == null || !pod.hasCheckpoint(),
              CHECKPOINT_PATIENCE);
      if (!over) {
        throw Refusal.failedPrecondition(
            "a checkpoint of pod sandbox " + id + " is still being made; remove it after that");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a checkpoint of pod sandbox " + id + " was given up");
    }
  }

  /** The caller of {@link #run} has got the id: from now on the same request is no retry. */
  public void answered(String id) {
    answered.tell(id);
  }

  private String joined(SandboxEntry taken, String name, PodSandboxConfig config) {
    boolean same =
        taken.getSandbox().getConfig().equals(config.toByteString())
            && answered.isUnknown(taken.getSandbox().getId())
            && taken.getSandbox().getRestoredFrom().isEmpty();
    if (same && taken.getPhase() == SandboxPhase.SANDBOX_PHASE_READY) {
      return taken.getSandbox().getId();
    }
    throw taken(taken, name);
  }

  private static Refusal taken(SandboxEntry taken, String name) {
    return Refusal.alreadyExists(
        "the name "
            + name
            + " belongs to pod sandbox "
            + taken.getSandbox().getId()
            + ", which is "
            + readable(taken.getPhase())
            + "; remove that one first, or ask with the next attempt");
  }

  private void create(Origin origin, SandboxRecord record, PodSandboxConfig config) {
    String id = record.getId();
    NamespaceBirth.ensure(journal, origin, NAMESPACE);
    journal.commit(
        origin,
        NAMESPACE,
        new Event.SandboxCreating(SandboxCreatingPayload.newBuilder().setSandbox(record).build()));
    Failpoint.SANDBOX_INTENT_RECORDED.hit();
    String owner = NAMESPACE + "/" + id;
    try {
      effects.folder().make(record, config);
      Failpoint.SANDBOX_FOLDER_MADE.hit();
      effects.namespaces().pin(record, records.sysctls().apply(config));
      Failpoint.SANDBOX_NAMESPACES_PINNED.hit();
      List<Event> outcome = new ArrayList<>();
      if (!record.getNetnsPath().isEmpty()) {
        List<NetworkAttachment> attachments = effects.network().attach(record, config);
        Failpoint.SANDBOX_NETWORK_ADDED.hit();
        outcome.add(
            new Event.SandboxNetworkAttached(
                SandboxNetworkAttachedPayload.newBuilder()
                    .setId(id)
                    .addAllAttachments(attachments)
                    .build()));
      }
      if (record.getHasPause()) {
        // The pause process needs its shim now; the record of the network goes ahead of it.
        if (!outcome.isEmpty()) {
          journal.commit(origin, NAMESPACE, outcome);
          outcome.clear();
        }
        Failpoint.SANDBOX_NETWORK_RECORDED.hit();
        effects.pause().start(origin, record, config);
        Failpoint.SANDBOX_PAUSE_STARTED.hit();
      }
      Shims.Placement placement = shims.place(owner);
      Failpoint.SANDBOX_SHIM_ASSIGNED.hit();
      outcome.addAll(placement.events());
      outcome.add(
          new Event.SandboxCreated(
              SandboxCreatedPayload.newBuilder().setId(id).setShimId(placement.shimId()).build()));
      journal.commit(origin, NAMESPACE, outcome);
      if (record.getHasPause() && !effects.pause().runs(id)) {
        // Its end came before the pod was ready, and was not recorded as the pod's.
        journal.commit(
            origin,
            NAMESPACE,
            new Event.SandboxEnded(
                SandboxEndedPayload.newBuilder()
                    .setId(id)
                    .setReason("its pause process ended at once")
                    .build()));
      }
      Failpoint.SANDBOX_OUTCOME_RECORDED.hit();
    } catch (RuntimeException e) {
      undo(origin, get(id), message(e));
      throw e instanceof Refusal r
          ? r
          : Refusal.internal(
              "pod sandbox " + record.getName() + " could not be made: " + message(e), e);
    } finally {
      shims.placed(owner);
    }
  }

  /**
   * Takes back whatever a creation did, and says that it failed. Also for creations of an earlier
   * daemon.
   */
  public void undo(Origin origin, SandboxEntry entry, String reason) {
    SandboxRecord record = entry.getSandbox();
    String id = record.getId();
    effects.pause().remove(origin, id);
    if (!record.getNetnsPath().isEmpty()) {
      effects.network().detach(record, config(record), entry.getAttachmentsList());
    }
    effects.namespaces().release(record);
    effects.folder().remove(id);
    List<Event> events = new ArrayList<>(shims.leaving(NAMESPACE + "/" + id));
    events.add(
        new Event.SandboxCreateFailed(
            SandboxCreateFailedPayload.newBuilder().setId(id).setReason(reason).build()));
    journal.commit(origin, NAMESPACE, events);
    shims.keepSpare();
  }

  /**
   * Ends a pod's containers and takes its network and namespaces away; harmless where that is done
   * or it is gone.
   */
  public void stop(Origin origin, String id) {
    try (KeyLocks.Held held = locks.hold("pod " + id, LOCK_PATIENCE)) {
      Optional<SandboxEntry> found = find(id);
      if (found.isEmpty()) {
        return;
      }
      SandboxEntry entry = found.get();
      switch (entry.getPhase()) {
        case SANDBOX_PHASE_READY, SANDBOX_PHASE_ENDED, SANDBOX_PHASE_STOPPING ->
            finishStop(origin, entry);
        case SANDBOX_PHASE_CREATING -> undoAgain(origin, entry);
        case SANDBOX_PHASE_STOPPED,
            SANDBOX_PHASE_REMOVING,
            SANDBOX_PHASE_UNSPECIFIED,
            UNRECOGNIZED -> {}
      }
    }
  }

  /** A pod that nobody makes any more is one whose making failed, and whose undoing did as well. */
  private void undoAgain(Origin origin, SandboxEntry entry) {
    String name = "pod " + SandboxRecords.reservedName(entry.getSandbox());
    try (KeyLocks.Held making =
        locks
            .holdIfFree(name)
            .orElseThrow(
                () ->
                    Refusal.failedPrecondition(
                        "pod sandbox "
                            + entry.getSandbox().getId()
                            + " is still being made; ask again when that has ended"))) {
      undo(origin, entry, "its making has failed, and was not undone then");
    }
  }

  /** Stops from wherever an earlier attempt left off: every step may be repeated. */
  private void finishStop(Origin origin, SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    String id = record.getId();
    journal.commit(
        origin,
        NAMESPACE,
        new Event.SandboxStopping(SandboxStoppingPayload.newBuilder().setId(id).build()));
    Failpoint.SANDBOX_STOP_RECORDED.hit();
    effects.containers().stopAll(origin, id);
    effects.pause().remove(origin, id);
    Failpoint.SANDBOX_TASKS_STOPPED.hit();
    List<Event> outcome = new ArrayList<>();
    if (!record.getNetnsPath().isEmpty()) {
      effects.network().detach(record, config(record), entry.getAttachmentsList());
      Failpoint.SANDBOX_NETWORK_REMOVED.hit();
      outcome.add(
          new Event.SandboxNetworkDetached(
              SandboxNetworkDetachedPayload.newBuilder().setId(id).build()));
    }
    effects.namespaces().release(record);
    effects.folder().release(id);
    Failpoint.SANDBOX_NAMESPACES_RELEASED.hit();
    outcome.addAll(shims.leaving(NAMESPACE + "/" + id));
    outcome.add(new Event.SandboxStopped(SandboxStoppedPayload.newBuilder().setId(id).build()));
    journal.commit(origin, NAMESPACE, outcome);
    Failpoint.SANDBOX_STOPPED_RECORDED.hit();
    shims.keepSpare();
  }

  /** Removes a pod and its containers, stopping it first if need be; harmless where it is gone. */
  public void remove(Origin origin, String id) {
    try (KeyLocks.Held held = locks.hold("pod " + id, LOCK_PATIENCE)) {
      Optional<SandboxEntry> found = find(id);
      if (found.isEmpty()) {
        return;
      }
      stop(origin, id);
      if (find(id).isEmpty()) {
        return;
      }
      awaitCheckpoint(id);
      journal.commit(
          origin,
          NAMESPACE,
          new Event.SandboxRemoving(SandboxRemovingPayload.newBuilder().setId(id).build()));
      Failpoint.SANDBOX_REMOVE_RECORDED.hit();
      effects.containers().removeAll(origin, id);
      Failpoint.SANDBOX_CONTAINERS_REMOVED.hit();
      effects.folder().remove(id);
      Failpoint.SANDBOX_FOLDER_REMOVED.hit();
      journal.commit(
          origin,
          NAMESPACE,
          new Event.SandboxRemoved(SandboxRemovedPayload.newBuilder().setId(id).build()));
      answered.forget(id);
      Failpoint.SANDBOX_REMOVED_RECORDED.hit();
    }
  }

  /** Records what kubelet says a pod may use now. */
  public void updateResources(Origin origin, String id, ByteString overhead, ByteString resources) {
    try (KeyLocks.Held held = locks.hold("pod " + id, LOCK_PATIENCE)) {
      SandboxEntry entry = get(id);
      if (entry.getPhase() != SandboxPhase.SANDBOX_PHASE_READY) {
        throw Refusal.failedPrecondition(
            "pod sandbox " + id + " is " + readable(entry.getPhase()) + ", not READY");
      }
      journal.commit(
          origin,
          NAMESPACE,
          new Event.SandboxResourcesUpdated(
              SandboxResourcesUpdatedPayload.newBuilder()
                  .setId(id)
                  .setOverhead(overhead)
                  .setResources(resources)
                  .build()));
    }
  }

  /**
   * Has the network's plugins free what belongs to no pod.
   *
   * @return a sentence for each plugin that failed
   */
  public List<String> collectNetworks() {
    return effects.network().keepOnly(list().stream().map(e -> e.getSandbox().getId()).toList());
  }

  /**
   * Has the network's plugins say whether a pod's network is as it was made (CNI's CHECK).
   *
   * @return what is wrong; empty for a pod that is not ready, or has the node's network
   */
  public Optional<String> networkProblem(SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    boolean has =
        entry.getPhase() == SandboxPhase.SANDBOX_PHASE_READY && !record.getNetnsPath().isEmpty();
    return has
        ? effects.network().problem(record, config(record), entry.getAttachmentsList())
        : Optional.empty();
  }

  /**
   * Pods that have the name of another one, which no daemon lets happen; of each name the first
   * that was made is not among them.
   */
  public List<SandboxEntry> duplicates() {
    Map<String, SandboxEntry> first = new HashMap<>();
    List<SandboxEntry> others = new ArrayList<>();
    List<SandboxEntry> byAge = new ArrayList<>(list());
    byAge.sort(Comparator.comparingLong(e -> e.getProvenance().getCreated()));
    for (SandboxEntry entry : byAge) {
      if (first.putIfAbsent(SandboxRecords.reservedName(entry.getSandbox()), entry) != null) {
        others.add(entry);
      }
    }
    return others;
  }

  /** After a reboot: its processes and namespaces are gone; its addresses are given back. */
  public void rebooted(Origin origin, SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    if (!record.getNetnsPath().isEmpty()) {
      effects.network().detach(record, config(record), entry.getAttachmentsList());
    }
    effects.namespaces().release(record);
    effects.folder().release(record.getId());
    List<Event> events = new ArrayList<>(shims.leaving(NAMESPACE + "/" + record.getId()));
    events.add(
        new Event.SandboxStopped(
            SandboxStoppedPayload.newBuilder()
                .setId(record.getId())
                .setReason("NodeReboot")
                .build()));
    journal.commit(origin, NAMESPACE, events);
  }

  /** Whether the network namespace that a pod has of its own is gone, whoever took it away. */
  public boolean isNetworkNamespaceClosed(SandboxRecord record) {
    String pin = record.getNetnsPath();
    return !pin.isEmpty() && !effects.namespaces().isAlive(Path.of(pin));
  }

  /** The configuration as the pod was asked for. */
  public static PodSandboxConfig config(SandboxRecord record) {
    try {
      return PodSandboxConfig.parseFrom(record.getConfig());
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.internal(
          "the recorded configuration of pod sandbox " + record.getId() + " cannot be read", e);
    }
  }

  /** READY for SANDBOX_PHASE_READY. */
  static String readable(SandboxPhase phase) {
    return phase.name().substring("SANDBOX_PHASE_".length());
  }

  private static String message(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
