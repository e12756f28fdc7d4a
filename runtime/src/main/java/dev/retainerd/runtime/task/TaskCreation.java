package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.TaskCreateFailedPayload;
import dev.retainerd.eventlog.proto.TaskCreatedPayload;
import dev.retainerd.eventlog.proto.TaskCreatingPayload;
import dev.retainerd.eventlog.proto.TaskMount;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.shims.ShimCalls;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.runtime.shims.TaskRequest;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The beginning of a task: its place in a shim, its bundle, its init; and all of it undone where
 * one of them fails. Thread-safe.
 */
final class TaskCreation {
  private static final Logger LOG = LoggerFactory.getLogger(TaskCreation.class);
  private static final int SIGKILL = 9;

  private final TaskService tasks;
  private final Journal journal;
  private final Shims shims;
  private final Bundles bundles;
  private final MappedTrees trees;
  private final RuntimeOptions runtimes;
  private final StreamHolder streams;

  TaskCreation(
      TaskService tasks,
      Bundles bundles,
      MappedTrees trees,
      RuntimeOptions runtimes,
      StreamHolder streams) {
    this.tasks = tasks;
    this.journal = tasks.journal();
    this.shims = tasks.shims();
    this.bundles = bundles;
    this.trees = trees;
    this.runtimes = runtimes;
    this.streams = streams;
  }

  /**
   * Creates the container's init, not yet running the user's process.
   *
   * @return its pid
   */
  int create(
      Origin origin, String namespace, String containerId, TaskService.CreateOptions options) {
    return make(origin, namespace, containerId, options, false);
  }

  /**
   * Creates it and starts the user's process, with one intent and one outcome for both. Not for one
   * that is restored.
   *
   * @return its pid
   */
  int run(Origin origin, String namespace, String containerId, TaskService.CreateOptions options) {
    return make(origin, namespace, containerId, options, true);
  }

  private int make(
      Origin origin,
      String namespace,
      String containerId,
      TaskService.CreateOptions options,
      boolean starts) {
    tasks.expectProcess();
    try (KeyLocks.Held held = tasks.hold(namespace, containerId)) {
      ContainerEntry container = container(namespace, containerId);
      if (tasks.find(namespace, containerId).isPresent()) {
        throw Refusal.alreadyExists("task " + containerId + ": already exists");
      }
      Opaque spec =
          journal
              .state()
              .get(Kind.SPEC.key(namespace, containerId))
              .map(SpecEntry::getSpec)
              .orElseThrow(
                  () ->
                      Refusal.failedPrecondition(
                          "container " + containerId + " has no spec; create it again with one"));
      Opaque runtimeOptions =
          options
              .options()
              .or(() -> ownOptions(container))
              .orElseGet(() -> runtimes.optionsOf(container.getContainer().getRuntime()));
      String owner = owner(namespace, container);
      Intent intent =
          new Intent(
              origin,
              namespace,
              owner,
              TaskCreatingPayload.newBuilder()
                  .setContainerId(containerId)
                  .setBundle(bundles.folder(namespace, containerId).toString())
                  .setStdio(options.stdio())
                  .setCheckpoint(images(namespace, containerId, options))
                  .setStarts(starts));
      ShimCalls shim = intend(intent);
      Failpoint.TASK_CREATE_INTENT_RECORDED.hit();
      if (starts) {
        Failpoint.TASK_START_INTENT_RECORDED.hit();
      }
      try (Withdrawal withdrawal = new Withdrawal(tasks, namespace, containerId, owner)) {
        byte[] json = spec.getValue().toByteArray();
        Making making = new Making(namespace, containerId, json, runtimeOptions, options, starts);
        OptionalInt made = createInShim(shim, making, withdrawal::withdraw);
        if (made.isEmpty()) {
          made = createInShim(intendElsewhere(intent, withdrawal), making, offer -> false);
        }
        int pid = made.orElseThrow();
        Failpoint.TASK_CREATED_IN_SHIM.hit();
        if (starts) {
          Failpoint.TASK_STARTED_IN_SHIM.hit();
        }
        recordCreated(origin, namespace, containerId, pid, Optional.of(options), starts);
        Failpoint.TASK_CREATED_RECORDED.hit();
        if (starts) {
          Failpoint.TASK_STARTED_RECORDED.hit();
        }
        return pid;
      } catch (IOException | RuntimeException e) {
        if (TaskService.isUnanswered(e)) {
          // The shim may have done it. The intent stays open until the shim, or its successor,
          // says.
          throw (Refusal) e;
        }
        undo(origin, namespace, containerId, TaskService.reason(e), false);
        throw TaskService.asRefusal(e, "task " + containerId + " could not be created");
      }
    }
  }

  /** What is recorded before a shim is asked, but for which. */
  private record Intent(
      Origin origin, String namespace, String owner, TaskCreatingPayload.Builder creating) {
    Event in(String shimId) {
      return new Event.TaskCreating(creating.setShimId(shimId).build());
    }
  }

  /** Finds the task's owner a place and records that the shim there is about to be asked. */
  private ShimCalls intend(Intent intent) {
    String owner = intent.owner();
    try (KeyLocks.Held held = tasks.holdPlace(owner)) {
      Shims.Placement placement = shims.place(owner);
      // Before the intent: who waits for a shim must not hold what its settlement needs.
      Supplier<String> home = () -> shims.home(owner).orElse(placement.shimId());
      ShimCalls shim = shims.callsOf(home);
      List<Event> events = new ArrayList<>(placement.events());
      // While it was waited for, an heir may have taken the owner over.
      events.add(intent.in(home.get()));
      journal.commit(intent.origin(), intent.namespace(), events);
      return shim;
    } finally {
      shims.placed(owner);
    }
  }

  /**
   * The same for another shim, after the first one has not taken it. In the log the first attempt
   * has failed then, and its owner has moved.
   *
   * @throws Refusal UNAVAILABLE where there is none; nothing is left then
   */
  private ShimCalls intendElsewhere(Intent intent, Withdrawal withdrawal) {
    String id = intent.creating().getContainerId();
    String silent = intent.creating().getShimId();
    String reason = "shim " + silent + " did not take it";
    Event failed =
        new Event.TaskCreateFailed(
            TaskCreateFailedPayload.newBuilder()
                .setContainerId(id)
                .setReason(reason)
                .setUndone(true)
                .build());
    try (withdrawal) {
      Shims.Placement placement = shims.placeAnew(intent.owner());
      ShimCalls shim = shims.calls(placement.shimId());
      List<Event> events = new ArrayList<>(List.of(failed));
      events.addAll(placement.events());
      events.add(intent.in(placement.shimId()));
      journal.commit(intent.origin(), intent.namespace(), events);
      Failpoint.OFFER_MOVE_RECORDED.hit();
      LOG.info("container {} goes to shim {}: {}", id, placement.shimId(), reason);
      return shim;
    } catch (Refusal e) {
      removeBundle(intent.namespace(), id);
      journal.commit(intent.origin(), intent.namespace(), failed);
      throw Refusal.unavailable(reason + ", and no other does: " + e.sentence());
    } finally {
      shims.placed(intent.owner());
    }
  }

  /** What a shim is asked for. */
  private record Making(
      String namespace,
      String containerId,
      byte[] spec,
      Opaque runtimeOptions,
      TaskService.CreateOptions options,
      boolean starts) {}

  /**
   * The pid; empty where {@code withdraw} was asked whether an offer was taken back, and said so.
   */
  private OptionalInt createInShim(ShimCalls shim, Making making, Predicate<Path> withdraw)
      throws IOException {
    String namespace = making.namespace();
    String containerId = making.containerId();
    TaskService.CreateOptions options = making.options();
    try (MappedTrees.Ready ready = trees.prepare(containerId, making.spec(), options.rootfs())) {
      Path bundle = bundles.make(namespace, containerId, ready.spec());
      if (options.restore() instanceof RestoreFrom.Archive archive) {
        archive.unpacking().into(bundles.makeImages(namespace, containerId));
      }
      Failpoint.TASK_BUNDLE_WRITTEN.hit();
      Opaque runtimeOptions = making.runtimeOptions();
      TaskRequest request =
          new TaskRequest(
              namespace,
              containerId,
              bundle,
              ready.rootfs(),
              options.stdio(),
              Optional.of(
                  ready.rootUid() == 0 && ready.rootGid() == 0
                      ? runtimeOptions
                      : runtimes.ownedBy(runtimeOptions, ready.rootUid(), ready.rootGid())),
              images(namespace, containerId, options));
      tasks.expectProcess();
      if (!making.starts()) {
        return OptionalInt.of(shim.create(request));
      }
      Path offer = bundles.makeOffer(namespace, containerId);
      return shim.offer(request, offer, () -> withdraw.test(offer));
    }
  }

  private String images(String namespace, String containerId, TaskService.CreateOptions options) {
    return options.restore().images(bundles.images(namespace, containerId));
  }

  private static Optional<Opaque> ownOptions(ContainerEntry container) {
    return container.getContainer().hasRuntimeOptions()
            && !container.getContainer().getRuntimeOptions().getTypeUrl().isEmpty()
        ? Optional.of(container.getContainer().getRuntimeOptions())
        : Optional.empty();
  }

  /** Who a task lives with: its pod, or itself. */
  static String owner(String namespace, ContainerEntry container) {
    String sandbox = container.getContainer().getSandboxId();
    return namespace + "/" + (sandbox.isEmpty() ? container.getContainer().getId() : sandbox);
  }

  /**
   * Records a create that the shim has done.
   *
   * @param options what it was asked for with, where that is known
   * @param started whether it has also started it
   */
  void recordCreated(
      Origin origin,
      String namespace,
      String containerId,
      int pid,
      Optional<TaskService.CreateOptions> options,
      boolean started) {
    streams.hold(bundles.folder(namespace, containerId));
    TaskCreatedPayload.Builder created =
        TaskCreatedPayload.newBuilder()
            .setContainerId(containerId)
            .setInit(TaskService.identity(pid));
    options.ifPresent(
        asked -> {
          created.setCheckpoint(images(namespace, containerId, asked));
          for (RootMount mount : asked.rootfs()) {
            created.addRootfs(
                TaskMount.newBuilder()
                    .setType(mount.type())
                    .setSource(mount.source())
                    .addAllOptions(mount.options()));
          }
        });
    List<Event> events = new ArrayList<>();
    events.add(new Event.TaskCreated(created.build()));
    if (started) {
      events.add(
          new Event.TaskStarted(
              TaskStartedPayload.newBuilder()
                  .setContainerId(containerId)
                  .setPid(pid)
                  .setStartedAtNanos(TaskService.nowNanos())
                  .build()));
    }
    journal.commit(origin, namespace, events);
  }

  /** Removes whatever a create left, and says that it failed. */
  void undo(Origin origin, String namespace, String containerId, String reason, boolean undone) {
    discardInShim(namespace, containerId);
    removeBundle(namespace, containerId);
    List<Event> events = new ArrayList<>();
    events.add(
        new Event.TaskCreateFailed(
            TaskCreateFailedPayload.newBuilder()
                .setContainerId(containerId)
                .setReason(reason)
                .setUndone(undone)
                .build()));
    events.addAll(leavingIfAlone(namespace, containerId));
    journal.commit(origin, namespace, events);
    shims.keepSpare();
  }

  private void discardInShim(String namespace, String containerId) {
    try {
      ShimCalls shim = tasks.shimOf(namespace, containerId);
      try {
        shim.kill(namespace, containerId, "", SIGKILL, true);
      } catch (Refusal gone) {
        // Never made, or dead already.
      }
      shim.delete(namespace, containerId, "");
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        LOG.warn("what is left of task {} in its shim: {}", containerId, e.sentence());
      }
    }
  }

  /** A container outside any pod leaves its shim with its task. */
  List<Event> leavingIfAlone(String namespace, String containerId) {
    ContainerEntry container = container(namespace, containerId);
    return container.getContainer().getSandboxId().isEmpty()
        ? shims.leaving(owner(namespace, container))
        : List.of();
  }

  /** What a restored task came from is of no more use once it runs. */
  void removeImages(String namespace, String containerId) {
    bundles.removeImages(namespace, containerId);
  }

  /** Lets go of a task's streams and removes its files. */
  void removeBundle(String namespace, String containerId) {
    streams.release(bundles.folder(namespace, containerId));
    bundles.remove(namespace, containerId);
  }

  private ContainerEntry container(String namespace, String containerId) {
    Key<ContainerEntry> key = Kind.CONTAINER.key(namespace, containerId);
    return journal
        .state()
        .get(key)
        .orElseThrow(
            () ->
                Refusal.notFound(
                    "container \""
                        + containerId
                        + "\" in namespace \""
                        + namespace
                        + "\": not found"));
  }
}
