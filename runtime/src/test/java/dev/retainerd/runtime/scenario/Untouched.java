package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import java.time.Duration;

/**
 * A container that counts, and that must not notice what happens to the daemon, its store and its
 * log: the same process from its start to the end of the test, and a log without a gap.
 */
final class Untouched {
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final String POD = "untouched";
  private static final String NAME = "counter";

  private final Pods pods;
  private final String id;
  private final long pid;
  private final long startTicks;

  private Untouched(Pods pods, String id) {
    this.pods = pods;
    this.id = id;
    this.pid = pods.pid(id);
    this.startTicks = Host.startTicks(pid);
    assertTrue(pid > 0 && startTicks > 0, "pid " + pid);
  }

  /** Starts it in a pod of its own; needs the image. */
  static Untouched start(Pods pods) {
    return new Untouched(pods, pods.start(pods.run(POD), POD, NAME, Pods.COUNTER));
  }

  String id() {
    return id;
  }

  /** It runs and prints, whether a daemon lives or not. */
  void expectRunning() {
    int before = pods.log(POD, NAME).size();
    assertTrue(Host.runs(pid), "the container's process " + pid + " has ended");
    assertEquals(startTicks, Host.startTicks(pid), "another process has the pid " + pid);
    Eventually.holds("a growing log", PATIENCE, () -> pods.log(POD, NAME).size() > before);
    pods.expectCounted(POD, NAME);
  }

  /** The same, and the daemon knows it as running with this pid. */
  void expectKnown() {
    expectRunning();
    Eventually.holds(
        "the container shown as running",
        PATIENCE,
        () -> pods.status(id).getState() == ContainerState.CONTAINER_RUNNING);
    assertEquals(pid, pods.pid(id));
  }

  /** Ends it: what it exits with comes from itself, so nobody killed it before. */
  void expectOwnExit() {
    pods.stop(id, 10);
    assertEquals(3, pods.status(id).getExitCode());
    pods.expectCounted(POD, NAME);
  }
}
