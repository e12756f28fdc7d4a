package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.TaskStopGivenUpPayload;
import dev.retainerd.eventlog.proto.TaskStoppingPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.StopRequest;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Stops tasks as CRI's StopContainer means it: a signal, then KILL when the grace time is over. The
 * request is durable before the signal, so that a daemon that dies in the middle goes on with the
 * rest of the grace time. Thread-safe.
 */
public final class StopService {
  private static final int SIGKILL = 9;
  private static final Duration AFTER_KILL = Duration.ofSeconds(30);

  private final TaskService tasks;
  private final Journal journal;

  public StopService(TaskService tasks) {
    this.tasks = tasks;
    this.journal = tasks.journal();
  }

  /**
   * Stops init and waits for its exit. A container without a running task is stopped already.
   *
   * @param grace how long the signal may take to work; zero: KILL at once
   */
  public void stop(
      Origin origin, String namespace, String containerId, int signal, Duration grace) {
    stop(origin, namespace, containerId, signal, grace, new CompletableFuture<>());
  }

  /**
   * As above, until {@code givenUp} completes: a caller that goes within the grace time takes its
   * wish along, and no KILL follows, as with containerd. A daemon's death is no such wish: the next
   * one goes on with the stop.
   *
   * @throws Refusal CANCELLED where it was given up
   */
  public void stop(
      Origin origin,
      String namespace,
      String containerId,
      int signal,
      Duration grace,
      CompletableFuture<Void> givenUp) {
    Optional<CompletableFuture<Exit>> pending = pendingExit(namespace, containerId);
    if (pending.isEmpty()) {
      return;
    }
    CompletableFuture<Exit> exit = pending.get();
    boolean kill = grace.isZero() || grace.isNegative();
    try {
      journal.commit(
          origin,
          namespace,
          new Event.TaskStopping(
              TaskStoppingPayload.newBuilder()
                  .setContainerId(containerId)
                  .setSignal(kill ? SIGKILL : signal)
                  .setGraceMillis(grace.toMillis())
                  .build()));
    } catch (Refusal e) {
      if (pendingExit(namespace, containerId).isEmpty()) {
        // It ended by itself in between.
        return;
      }
      throw e;
    }
    Failpoint.TASK_STOP_RECORDED.hit();
    if (!kill) {
      signal(origin, namespace, containerId, signal, false);
      Failpoint.TASK_STOP_SIGNALLED.hit();
      CompletableFuture<Boolean> first =
          exit.thenApply(ended -> true)
              .applyToEither(givenUp.thenApply(gone -> false), ended -> ended);
      Waits.upTo(first, grace);
      if (exit.isDone()) {
        return;
      }
      exit.cancel(false);
      if (givenUp.isDone()) {
        letRunOn(origin, namespace, containerId);
        return;
      }
    }
    finish(origin, namespace, containerId);
  }

  private void letRunOn(Origin origin, String namespace, String containerId) {
    try {
      journal.commit(
          origin,
          namespace,
          new Event.TaskStopGivenUp(
              TaskStopGivenUpPayload.newBuilder().setContainerId(containerId).build()));
    } catch (Refusal e) {
      if (pendingExit(namespace, containerId).isEmpty()) {
        // It ended by itself in between.
        return;
      }
      throw e;
    }
    throw Refusal.cancelled(
        "the stop of container " + containerId + " was given up by its caller; it runs on");
  }

  /** The exit to come of a task that lives; empty where there is none, or it has ended. */
  private Optional<CompletableFuture<Exit>> pendingExit(String namespace, String containerId) {
    try {
      return Optional.of(tasks.exitOf(namespace, containerId, "")).filter(e -> !e.isDone());
    } catch (Refusal e) {
      if (e.is(Refusal.Code.NOT_FOUND)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Goes on with a stop that an earlier daemon began. */
  public void resume(Origin origin, String namespace, String containerId, StopRequest stop) {
    Optional<CompletableFuture<Exit>> pending = pendingExit(namespace, containerId);
    if (pending.isEmpty()) {
      return;
    }
    CompletableFuture<Exit> exit = pending.get();
    long sinceMillis = (TaskService.nowNanos() - stop.getAskedAtNanos()) / 1_000_000;
    Duration left = Duration.ofMillis(stop.getGraceMillis() - sinceMillis);
    if (left.isPositive() && stop.getSignal() != SIGKILL) {
      // Whether the signal was sent is not known; most programs take a second one for the first.
      signal(origin, namespace, containerId, stop.getSignal(), false);
      if (Waits.upTo(exit, left).isPresent()) {
        return;
      }
    }
    finish(origin, namespace, containerId);
  }

  private void finish(Origin origin, String namespace, String containerId) {
    Optional<CompletableFuture<Exit>> pending = pendingExit(namespace, containerId);
    if (pending.isEmpty()) {
      return;
    }
    CompletableFuture<Exit> exit = pending.get();
    signal(origin, namespace, containerId, SIGKILL, true);
    Waits.orRefuse(
        exit,
        AFTER_KILL,
        "container "
            + containerId
            + " did not end within "
            + AFTER_KILL.toSeconds()
            + " s of SIGKILL; a process of it may hang in the kernel, ask again later");
  }

  private void signal(
      Origin origin, String namespace, String containerId, int signal, boolean all) {
    try {
      try {
        tasks.kill(origin, namespace, containerId, "", signal, all);
      } catch (Refusal e) {
        if (!e.is(Refusal.Code.UNAVAILABLE)) {
          throw e;
        }
        // Its shim died under the call; the successor is asked once more.
        tasks.kill(origin, namespace, containerId, "", signal, all);
      }
    } catch (Refusal e) {
      // Ended in between: its exit is on its way.
      if (!e.is(Refusal.Code.NOT_FOUND) && !e.is(Refusal.Code.FAILED_PRECONDITION)) {
        throw e;
      }
    }
  }
}
