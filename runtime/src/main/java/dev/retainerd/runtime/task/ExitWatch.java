package dev.retainerd.runtime.task;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.store.proto.Exit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** Tells waiters of exits, even where the task's entry is gone a moment later. Thread-safe. */
final class ExitWatch implements Journal.Listener {
  private final ConcurrentHashMap<String, CompletableFuture<Exit>> waiting =
      new ConcurrentHashMap<>();

  /** Completes with the exit of that process; to be asked for before looking at the state. */
  CompletableFuture<Exit> of(String namespace, String containerId, String execId) {
    // A copy: a waiter that gives up must not cancel the others' future.
    return waiting
        .computeIfAbsent(name(namespace, containerId, execId), n -> new CompletableFuture<>())
        .copy();
  }

  @Override
  public void onEvent(Envelope envelope, Event event) {
    if (event instanceof Event.TaskExited e) {
      var p = e.payload();
      complete(
          name(envelope.namespace(), p.getContainerId(), ""),
          Exit.newBuilder()
              .setStatus(p.getStatus())
              .setExitedAtNanos(p.getExitedAtNanos())
              .setSource(p.getSource())
              .setReason(p.getReason())
              .setSequence(envelope.sequence())
              .build());
    } else if (event instanceof Event.ExecExited e) {
      var p = e.payload();
      complete(
          name(envelope.namespace(), p.getContainerId(), p.getExecId()),
          Exit.newBuilder()
              .setStatus(p.getStatus())
              .setExitedAtNanos(p.getExitedAtNanos())
              .setSource(p.getSource())
              .setReason(p.getReason())
              .setSequence(envelope.sequence())
              .build());
    }
  }

  private void complete(String name, Exit exit) {
    CompletableFuture<Exit> waiter = waiting.remove(name);
    if (waiter != null) {
      waiter.completeAsync(() -> exit);
    }
  }

  private static String name(String namespace, String containerId, String execId) {
    return namespace + "/" + containerId + "/" + execId;
  }
}
