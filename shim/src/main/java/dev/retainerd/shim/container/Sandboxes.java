package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ExitRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The sandboxes of this shim: each is the group of containers whose annotations name it, and has no
 * process of its own. Thread-safe.
 *
 * <pre>
 * absent --create--> created --start--> ready --stop--> stopped --shutdown--> absent
 *                       +---------------------stop------^
 * </pre>
 */
public final class Sandboxes {
  private static final int SIGTERM = 15;
  private static final Duration DEATH = Duration.ofSeconds(10);
  private static final int SANDBOXES_MAX = 1024;

  /**
   * What is known of a sandbox.
   *
   * @param startedAtNanos since 1970; 0 before its start
   * @param stoppedAtNanos since 1970; 0 before its stop
   */
  public record Sandbox(String id, long createdAtNanos, long startedAtNanos, long stoppedAtNanos) {
    public boolean ready() {
      return startedAtNanos > 0 && stoppedAtNanos == 0;
    }
  }

  private final Containers containers;
  private final ConcurrentHashMap<String, Sandbox> all = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, CompletableFuture<Sandbox>> ends =
      new ConcurrentHashMap<>();

  public Sandboxes(Containers containers) {
    this.containers = containers;
  }

  private static String key(String namespace, String id) {
    return namespace + "/" + id;
  }

  private static long now() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  /** The sandbox of that id; NOT_FOUND where there is none. */
  public Sandbox get(String namespace, String id) throws TtrpcException {
    Sandbox sandbox = all.get(key(namespace, id));
    if (sandbox == null) {
      throw new TtrpcException(
          StatusCode.NOT_FOUND, "sandbox " + id + " in " + namespace + " is not known here");
    }
    return sandbox;
  }

  public void create(String namespace, String id) throws TtrpcException {
    Bundle.checkId("sandbox", id);
    Bundle.checkId("namespace", namespace);
    if (all.size() >= SANDBOXES_MAX) {
      throw new TtrpcException(
          StatusCode.RESOURCE_EXHAUSTED, SANDBOXES_MAX + " sandboxes live in this shim already");
    }
    ends.putIfAbsent(key(namespace, id), new CompletableFuture<>());
    if (all.putIfAbsent(key(namespace, id), new Sandbox(id, now(), 0, 0)) != null) {
      throw new TtrpcException(
          StatusCode.ALREADY_EXISTS, "sandbox " + id + " in " + namespace + " exists already");
    }
  }

  public Sandbox start(String namespace, String id) throws TtrpcException {
    Sandbox before = get(namespace, id);
    if (before.startedAtNanos() > 0 || before.stoppedAtNanos() > 0) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION,
          "sandbox " + id + " was started before; it can be started once");
    }
    Sandbox started = new Sandbox(id, before.createdAtNanos(), now(), 0);
    all.put(key(namespace, id), started);
    return started;
  }

  /**
   * Asks the group's containers to end, and ends those that have not within {@code patience}.
   * Idempotent.
   *
   * @throws TtrpcException DEADLINE_EXCEEDED where one does not even die of SIGKILL
   */
  public void stop(String namespace, String id, Duration patience) throws TtrpcException {
    Sandbox before = get(namespace, id);
    List<CompletableFuture<ExitRecord>> group = signal(namespace, id, SIGTERM);
    if (!patience.isZero() && !ended(group, patience) || patience.isZero()) {
      group = signal(namespace, id, Processes.SIGKILL);
      if (!ended(group, DEATH)) {
        throw new TtrpcException(
            StatusCode.DEADLINE_EXCEEDED,
            "containers of sandbox " + id + " do not die of SIGKILL; try again");
      }
    }
    if (before.stoppedAtNanos() == 0) {
      Sandbox stopped = new Sandbox(id, before.createdAtNanos(), before.startedAtNanos(), now());
      all.put(key(namespace, id), stopped);
      CompletableFuture<Sandbox> end = ends.get(key(namespace, id));
      if (end != null) {
        end.complete(stopped);
      }
    }
  }

  private List<CompletableFuture<ExitRecord>> signal(String namespace, String id, int signal) {
    List<CompletableFuture<ExitRecord>> ends = new ArrayList<>();
    for (Container container : containers.group(namespace, id)) {
      try {
        container.kill(container.first(), signal, signal == Processes.SIGKILL);
      } catch (TtrpcException e) {
        // It has ended, or ends just now: its end is waited for either way.
      }
      ends.add(container.first().published());
    }
    return ends;
  }

  private static boolean ended(List<CompletableFuture<ExitRecord>> ends, Duration patience)
      throws TtrpcException {
    try {
      CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]))
          .get(patience.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (InterruptedException | ExecutionException e) {
      throw new TtrpcException(StatusCode.INTERNAL, "the stop of a sandbox was given up", e);
    }
  }

  /** Completes with the sandbox when it is stopped. */
  public CompletableFuture<Sandbox> await(String namespace, String id) throws TtrpcException {
    Sandbox now = get(namespace, id);
    CompletableFuture<Sandbox> end = ends.get(key(namespace, id));
    return now.stoppedAtNanos() > 0 || end == null ? CompletableFuture.completedFuture(now) : end;
  }

  /**
   * Forgets a sandbox that is stopped and whose containers are deleted. Idempotent.
   *
   * @throws TtrpcException FAILED_PRECONDITION while it is not
   */
  public void forget(String namespace, String id) throws TtrpcException {
    Sandbox sandbox = all.get(key(namespace, id));
    if (sandbox == null) {
      return;
    }
    if (sandbox.ready() || !containers.group(namespace, id).isEmpty()) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION,
          "sandbox " + id + " is not stopped, or holds containers; stop it and delete them first");
    }
    all.remove(key(namespace, id));
    ends.remove(key(namespace, id));
  }

  /** Whether no sandbox lives here. */
  public boolean isEmpty() {
    return all.isEmpty();
  }
}
