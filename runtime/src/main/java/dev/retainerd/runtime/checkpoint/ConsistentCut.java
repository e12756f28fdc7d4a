package dev.retainerd.runtime.checkpoint;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxCheckpointFailedPayload;
import dev.retainerd.eventlog.proto.SandboxCheckpointedPayload;
import dev.retainerd.eventlog.proto.SandboxCheckpointingPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.SandboxCheckpoint;
import dev.retainerd.store.proto.SandboxEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has containers of a pod stand still together while all of them are written, and go on afterwards,
 * whatever happens meanwhile. The intent is in the log before the first is paused; a daemon that
 * dies leaves it to the next one to have them go on and to take the half-written files away.
 * Thread-safe; a pod has one cut at a time.
 */
public final class ConsistentCut {
  private static final Logger LOG = LoggerFactory.getLogger(ConsistentCut.class);
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final String INTERRUPTED = "the daemon ended before it was complete";

  private final SandboxService sandboxes;
  private final TaskService tasks;
  private final Checkpointing checkpointing;
  private final Set<String> underWay = ConcurrentHashMap.newKeySet();

  /** Pods with an open intent that nobody works on: a container of theirs may be paused. */
  private final Set<String> open = ConcurrentHashMap.newKeySet();

  public ConsistentCut(SandboxService sandboxes, TaskService tasks, Checkpointing checkpointing) {
    this.sandboxes = sandboxes;
    this.tasks = tasks;
    this.checkpointing = checkpointing;
  }

  /**
   * One to be made.
   *
   * @param path what the caller named
   * @param archive whether that is a file of ours; else it is the caller's folder
   */
  record Plan(String podId, Path path, List<String> containerIds, boolean archive) {
    Plan {
      containerIds = List.copyOf(containerIds);
    }

    private static Plan of(SandboxEntry pod) {
      SandboxCheckpoint open = pod.getCheckpoint();
      return new Plan(
          pod.getSandbox().getId(),
          Path.of(open.getPath()),
          open.getContainerIdsList(),
          open.getArchive());
    }

    /** Takes away what was written for it, and nothing else. */
    private void discard() {
      if (archive) {
        Folders.removeQuietly(PodFiles.partial(path));
      } else {
        PodFiles.remove(path, containerIds);
      }
    }
  }

  /**
   * Makes it. Where its containers cannot go on, because a shim does not answer, the intent stays
   * open until {@link #settleOpen}.
   *
   * @param write done while all of them stand still
   * @param finish done when they go on; what it has made is whole
   * @throws Refusal FAILED_PRECONDITION where the pod is not ready or one of them does not run;
   *     what the two throw. Then nothing is left behind
   */
  void make(Origin origin, Plan plan, Runnable write, Runnable finish) {
    String id = plan.podId();
    if (!underWay.add(id)) {
      throw Refusal.failedPrecondition(
          "a checkpoint of pod sandbox " + id + " is being made already; wait for its end");
    }
    try {
      sandboxes.checkpointing(
          origin,
          SandboxCheckpointingPayload.newBuilder()
              .setId(id)
              .setPath(plan.path().toString())
              .addAllContainerIds(plan.containerIds())
              .setArchive(plan.archive())
              .build());
      Failpoint.POD_CHECKPOINT_INTENT_RECORDED.hit();
      List<String> halted = new ArrayList<>();
      Optional<RuntimeException> failure =
          attempt(
              () -> {
                halt(origin, plan, halted);
                write.run();
              });
      Optional<RuntimeException> stuck = goOn(origin, halted);
      Optional<RuntimeException> problem = failure.or(() -> stuck).or(() -> attempt(finish));
      if (problem.isPresent()) {
        plan.discard();
        if (stuck.isEmpty()) {
          failed(origin, plan, problem.get().getMessage());
        } else {
          open.add(id);
        }
        throw problem.get();
      }
      Failpoint.POD_CHECKPOINT_WRITTEN.hit();
      sandboxes.checkpointed(
          origin,
          new Event.SandboxCheckpointed(
              SandboxCheckpointedPayload.newBuilder()
                  .setId(id)
                  .setPath(plan.path().toString())
                  .build()));
    } finally {
      underWay.remove(id);
    }
  }

  /** Pauses all of them; those that it may have paused when it fails are in {@code halted}. */
  private void halt(Origin origin, Plan plan, List<String> halted) {
    for (String container : plan.containerIds()) {
      halted.add(container);
      try {
        tasks.pause(origin, NAMESPACE, container);
      } catch (Refusal e) {
        if (e.is(Refusal.Code.FAILED_PRECONDITION)) {
          // It does not run; one that somebody else has paused meanwhile stays so.
          halted.remove(container);
        }
        throw e;
      }
      Failpoint.POD_CHECKPOINT_PAUSED.hit();
    }
  }

  /** Nothing that goes wrong may keep the containers from going on. */
  private static Optional<RuntimeException> attempt(Runnable step) {
    try {
      step.run();
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.of(e);
    } catch (Error e) {
      return Optional.of(Refusal.internal("the checkpoint failed: " + e, e));
    }
  }

  /** The first reason why one of them may stand still yet. */
  private Optional<RuntimeException> goOn(Origin origin, List<String> halted) {
    List<RuntimeException> stuck = new ArrayList<>();
    for (String container : halted) {
      try {
        checkpointing.goOn(origin, NAMESPACE, container);
      } catch (RuntimeException e) {
        LOG.error("container {} may still be paused: {}", container, e.getMessage());
        stuck.add(e);
      }
    }
    return stuck.stream().findFirst();
  }

  private void failed(Origin origin, Plan plan, String reason) {
    sandboxes.checkpointed(
        origin,
        new Event.SandboxCheckpointFailed(
            SandboxCheckpointFailedPayload.newBuilder()
                .setId(plan.podId())
                .setPath(plan.path().toString())
                .setReason(reason == null ? "" : reason)
                .build()));
  }

  /** Ends what an earlier daemon has left open. */
  public void settleAll(Origin origin) {
    for (SandboxEntry pod : sandboxes.list()) {
      if (pod.hasCheckpoint()) {
        settle(origin, pod);
      }
    }
  }

  /** Ends what is still open since a shim did not answer; cheap where that is nothing. */
  public void settleOpen(Origin origin) {
    for (String id : open) {
      sandboxes
          .find(id)
          .filter(SandboxEntry::hasCheckpoint)
          .ifPresentOrElse(pod -> settle(origin, pod), () -> open.remove(id));
    }
  }

  private void settle(Origin origin, SandboxEntry pod) {
    String id = pod.getSandbox().getId();
    if (!underWay.add(id)) {
      return;
    }
    try {
      Plan plan = Plan.of(pod);
      Optional<RuntimeException> stuck = goOn(origin, plan.containerIds());
      plan.discard();
      if (stuck.isEmpty()) {
        failed(origin, plan, INTERRUPTED);
        open.remove(id);
      } else {
        open.add(id);
      }
    } catch (RuntimeException e) {
      LOG.error("the checkpoint of pod sandbox {} is not taken back: {}", id, e.getMessage());
    } finally {
      underWay.remove(id);
    }
  }
}
