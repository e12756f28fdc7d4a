package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ExecExitedPayload;
import dev.retainerd.eventlog.proto.SandboxEndedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskOomPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.shims.ShimRecord;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.ExecPhase;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what shims report into events: exactly one exit per process, an OOM before it. A record may
 * come again after a restart of either side; the state tells what is known already. Thread-safe.
 */
public final class ExitRecorder {
  private static final Logger LOG = LoggerFactory.getLogger(ExitRecorder.class);
  private static final int AT_ONCE = 256;

  /** Told when init of a container has ended and the exit is durable, on a thread of its own. */
  @FunctionalInterface
  public interface OnExit {
    void exited(String namespace, String containerId);
  }

  private final TaskService tasks;
  private final Journal journal;
  private final Origin self;
  private final OnExit onExit;
  private final CountDownLatch open = new CountDownLatch(1);
  private final Semaphore places = new Semaphore(AT_ONCE);
  private final ConcurrentHashMap<String, Thread> tails = new ConcurrentHashMap<>();

  public ExitRecorder(TaskService tasks, Origin self, OnExit onExit) {
    this.tasks = tasks;
    this.journal = tasks.journal();
    this.self = self;
    this.onExit = onExit;
  }

  /** Lets records through: recovery has closed the open intents. Those that came before waited. */
  public void open() {
    open.countDown();
  }

  /**
   * Takes a record from a shim. Records of one container are handled in order, those of different
   * ones side by side, so that a slow container holds up nobody else.
   */
  public void record(String shimId, ShimRecord record) {
    places.acquireUninterruptibly();
    String container = record.namespace() + "/" + record.containerId();
    tails.compute(
        container,
        (name, before) ->
            Thread.ofVirtual()
                .name("record-" + container)
                .start(
                    () -> {
                      try {
                        if (before != null) {
                          before.join();
                        }
                        open.await();
                        handle(record);
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      } catch (RuntimeException e) {
                        LOG.error("{} of {} was not recorded", record.kind(), container, e);
                      } finally {
                        places.release();
                        tails.remove(container, Thread.currentThread());
                      }
                    }));
  }

  private void handle(ShimRecord record) {
    switch (record.kind()) {
      case OOM -> oom(record);
      case EXIT -> {
        if (record.execId().isEmpty()) {
          exited(record);
        } else {
          execExited(record);
        }
      }
    }
  }

  private void oom(ShimRecord record) {
    try (KeyLocks.Held held = tasks.hold(record.namespace(), record.containerId())) {
      Optional<TaskEntry> task = tasks.find(record.namespace(), record.containerId());
      if (task.isEmpty() || !isAlive(task.get().getPhase()) || task.get().getOomKilled()) {
        return;
      }
      journal.commit(
          self,
          record.namespace(),
          new Event.TaskOom(
              TaskOomPayload.newBuilder()
                  .setContainerId(record.containerId())
                  .setCgroup(record.detail())
                  .build()));
    }
  }

  private void exited(ShimRecord record) {
    try (KeyLocks.Held held = tasks.hold(record.namespace(), record.containerId())) {
      Optional<TaskEntry> task = tasks.find(record.namespace(), record.containerId());
      if (task.isEmpty()
          || !isAlive(task.get().getPhase())
          || task.get().getInit().getPid() != record.pid()) {
        return;
      }
      List<Event> events = new ArrayList<>(2);
      if (record.oomKilled() && !task.get().getOomKilled()) {
        // The OOM's own record may have been lost with a shim; it stands before the exit, always.
        events.add(
            new Event.TaskOom(
                TaskOomPayload.newBuilder().setContainerId(record.containerId()).build()));
      }
      events.add(
          new Event.TaskExited(
              TaskExitedPayload.newBuilder()
                  .setContainerId(record.containerId())
                  .setPid(record.pid())
                  .setStatus(record.status())
                  .setExitedAtNanos(record.atNanos())
                  .setSource(record.source())
                  .setReason(record.detail())
                  .build()));
      podEnd(record).ifPresent(events::add);
      journal.commit(self, record.namespace(), events);
    }
    Failpoint.TASK_EXIT_RECORDED.hit();
    onExit.exited(record.namespace(), record.containerId());
  }

  /** A pod whose pause process has ended unasked has lost its pid namespace, and all in it. */
  private Optional<Event> podEnd(ShimRecord record) {
    return journal
        .state()
        .get(Kind.SANDBOX.key(record.namespace(), record.containerId()))
        .filter(pod -> pod.getPhase() == SandboxPhase.SANDBOX_PHASE_READY)
        .map(
            pod ->
                new Event.SandboxEnded(
                    SandboxEndedPayload.newBuilder()
                        .setId(record.containerId())
                        .setReason("its pause process ended with status " + record.status())
                        .build()));
  }

  private void execExited(ShimRecord record) {
    String name = ExecService.lockName(record.containerId(), record.execId());
    try (KeyLocks.Held held = tasks.hold(record.namespace(), name)) {
      Optional<ExecEntry> exec = journal.state().get(Kind.EXEC.key(record.namespace(), name));
      if (exec.isEmpty()
          || (exec.get().getPhase() != ExecPhase.EXEC_PHASE_RUNNING
              && exec.get().getPhase() != ExecPhase.EXEC_PHASE_STARTING)) {
        return;
      }
      journal.commit(
          self,
          record.namespace(),
          new Event.ExecExited(
              ExecExitedPayload.newBuilder()
                  .setContainerId(record.containerId())
                  .setExecId(record.execId())
                  .setPid(record.pid())
                  .setStatus(record.status())
                  .setExitedAtNanos(record.atNanos())
                  .setSource(record.source())
                  .setReason(record.detail())
                  .build()));
    }
  }

  private static boolean isAlive(TaskPhase phase) {
    return switch (phase) {
      case TASK_PHASE_CREATED, TASK_PHASE_STARTING, TASK_PHASE_RUNNING, TASK_PHASE_PAUSED -> true;
      case TASK_PHASE_CREATING, TASK_PHASE_STOPPED, TASK_PHASE_UNSPECIFIED, UNRECOGNIZED -> false;
    };
  }
}
