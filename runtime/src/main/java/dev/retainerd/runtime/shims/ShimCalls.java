package dev.retainerd.runtime.shims;

import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;

/**
 * One shim's connection. Every call has a deadline of its own and throws {@link Refusal}: with the
 * shim's own code and sentence where it answered, UNAVAILABLE where it did not. Thread-safe.
 */
public interface ShimCalls extends AutoCloseable {

  /**
   * Who answers: pid, start time in clock ticks, version, and the containers it holds as
   * NAMESPACE/ID.
   */
  record Info(int pid, long startTimeTicks, String version, List<String> containers) {}

  /** A container that a successor takes over. */
  record Adoptee(String namespace, String containerId, Path bundle) {}

  Info info(Duration patience);

  /** Creates a container's init; answers its pid. */
  int create(TaskRequest request);

  /**
   * Creates a container's init and starts the user's program; answers its pid. Where that fails
   * nothing is left. Not for a container that is restored.
   */
  int run(TaskRequest request);

  /**
   * As {@link #run}, but where the shim does not answer soon, {@code withdraw} is asked once, on
   * this thread, whether the offer was removed before the shim has taken it.
   *
   * @param offer an empty file in the bundle, which the shim removes before it does anything
   * @return empty where it was: nothing was done then, and nothing will be
   */
  OptionalInt offer(TaskRequest request, Path offer, BooleanSupplier withdraw);

  /** Starts init ({@code execId} "") or an exec; answers its pid. */
  int start(String namespace, String containerId, String execId);

  void exec(ExecRequest request);

  /** Adds an exec and starts it; answers its pid. */
  int runExec(ExecRequest request);

  void kill(String namespace, String containerId, String execId, int signal, boolean all);

  /** Removes an ended process; init takes the runtime's state, the mounts and the pin with it. */
  ProcessStatus delete(String namespace, String containerId, String execId);

  ProcessStatus state(String namespace, String containerId, String execId);

  void pause(String namespace, String containerId);

  void resume(String namespace, String containerId);

  void resizePty(String namespace, String containerId, String execId, int width, int height);

  void closeStdin(String namespace, String containerId, String execId);

  /** All pids in the container's cgroup, init's first. */
  List<Integer> pids(String namespace, String containerId);

  /** cgroup metrics, as a typed value of containerd's metrics types. */
  dev.retainerd.eventlog.proto.Opaque stats(String namespace, String containerId);

  /** Applies OCI linux resources, given as JSON in a typed value. */
  void update(String namespace, String containerId, dev.retainerd.eventlog.proto.Opaque resources);

  /** Waits up to {@code patience} for records after {@code since}; empty where none came. */
  List<ShimRecord> records(long since, Duration patience);

  /**
   * Takes over containers of a shim that is gone; answers the ids it could not take, with reasons.
   */
  List<String> adopt(List<Adoptee> adoptees, Path holderSocket);

  /** Opens the container's log file again after a rotation. */
  void reopenLog(String namespace, String containerId);

  /**
   * Changes how the container's log is written, from its next entry on, also for successors of the
   * shim.
   *
   * @param changes none to ask only
   * @return all settings as they are then
   */
  Map<LogSetting, Long> setLog(String namespace, String containerId, Map<LogSetting, Long> changes);

  /**
   * Has CRIU write the container's state into a folder; its processes go on unless the options say
   * otherwise.
   *
   * @param options a {@code containerd.runc.v1.CheckpointOptions}, or nothing
   */
  void checkpoint(
      String namespace,
      String containerId,
      Path images,
      dev.retainerd.eventlog.proto.Opaque options,
      Duration patience);

  /**
   * Has it copy what the container's first process writes from now on into FIFOs that are read
   * already; "" for a stream that is not wanted. The copy ends with the process, with the reader,
   * or with the shim.
   */
  void attach(String namespace, String containerId, String stdout, String stderr);

  /**
   * Has it send dups of what a successor would need (pty masters) to the daemon's holder socket.
   */
  void sendDescriptors(Path holderSocket);

  /** Ends the shim; refused while it holds containers. */
  void shutdown();

  @Override
  void close();
}
