package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Cases 5, 6, 7, 14 and 15: every exit is told once, with its real status, and to nobody else. */
@Tag("real")
class ExitTruthTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String WAITS = "until [ -e /signal/go ]; do sleep 0.02; done; exit 42";

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  private void exited(String container) {
    Eventually.holds(
        "the exit of " + container,
        PATIENCE,
        () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
  }

  private long exitsTold(String container) {
    return new History(node)
        .from(1).stream()
            .filter(event -> event.getType().equals("TaskExited"))
            .filter(event -> event.getSubject().endsWith(container))
            .count();
  }

  /** Case 5: the daemon dies between the shim's delete and its own record of it. */
  @Test
  void exitAndDeleteAreToldOnce() {
    node.start("-Dretainerd.failpoint=TASK_DELETED_IN_SHIM");
    node.importImage("k8s.io");
    String container = pods.start(pods.run("p"), "p", "c", WAITS);
    pods.signal("go");
    node.awaitDaemonEnd();
    assertEquals(137, node.exitCode(), node.logTail());
    node.start();
    exited(container);
    assertEquals(42, pods.status(container).getExitCode());
    Eventually.holds(
        "the deletion of the task",
        PATIENCE,
        () -> !new History(node).sentences(1, "TaskDeleted").isEmpty());
    assertEquals(1, exitsTold(container));
    assertEquals(1, new History(node).sentences(1, "TaskDeleted").size());
  }

  /** Case 6: the daemon is dead; then its shim as well; then the machine was restarted. */
  @Test
  void statusIsNeverInvented() throws Exception {
    node.start();
    node.importImage("k8s.io");
    String pod = pods.run("p");
    String first = pods.start(pod, "p", "first", WAITS);
    long pid = pods.pid(first);
    node.killDaemon();
    pods.signal("go");
    Eventually.holds("its end", PATIENCE, () -> !Host.runs(pid));
    long endedNanos = System.currentTimeMillis() * 1_000_000;
    node.start();
    exited(first);
    ContainerStatus status = pods.status(first);
    assertEquals(42, status.getExitCode());
    assertTrue(Math.abs(status.getFinishedAt() - endedNanos) < 1_000_000_000L, status.toString());
    assertEquals(1, exitsTold(first));

    Files.delete(pods.signals().resolve("go"));
    String second = pods.start(pod, "p", "second", WAITS);
    long secondPid = pods.pid(second);
    long shim = Host.parentOf(secondPid);
    node.killDaemon();
    Host.kill9(shim);
    pods.signal("go");
    Eventually.holds("its end", PATIENCE, () -> !Host.runs(secondPid));
    long seenNanos = System.currentTimeMillis() * 1_000_000;
    node.start();
    exited(second);
    status = pods.status(second);
    assertEquals(42, status.getExitCode());
    assertTrue(status.getMessage().contains("status and time are the kernel's"), status.toString());
    assertTrue(Math.abs(status.getFinishedAt() - seenNanos) < 1_000_000_000L, status.toString());
    assertTrue(status.getFinishedAt() < seenNanos + 2_000_000, "not the time of the discovery");
    assertEquals(1, exitsTold(second));

    // A restart of the machine: everything that ran is gone, and the boot has another id.
    String third = pods.start(pod, "p", "third", "sleep 1000");
    long thirdPid = pods.pid(third);
    long lastShim = Host.parentOf(thirdPid);
    node.killDaemon();
    Host.kill9(lastShim);
    Host.kill9(thirdPid);
    node.startInAnotherBoot();
    exited(third);
    assertNotEquals(0, pods.status(third).getExitCode());
    assertEquals("NodeReboot", pods.status(third).getReason());
    assertEquals(1, exitsTold(third));
    node.killDaemon();
    node.startUnder(List.of());
    node.start();
  }

  /** Case 7: recovery is held up by a frozen shim, and everything ends meanwhile. */
  @Test
  void exitsDuringRecoveryAreTold() throws Exception {
    node.configure("[retain]\n  pods_per_shim = 3\n");
    node.start();
    node.importImage("k8s.io");
    List<String> containers = new ArrayList<>();
    List<Long> pids = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      containers.add(pods.start(pods.run("p" + i), "p" + i, "c", "sleep 1000"));
      pids.add(pods.pid(containers.get(i)));
    }
    long frozen = Host.parentOf(pids.get(0));
    node.killDaemon();
    Host.run(5, List.of("kill", "-STOP", Long.toString(frozen))).expectSuccess();
    node.start();
    pids.forEach(Host::kill9);
    Host.run(5, List.of("kill", "-CONT", Long.toString(frozen))).expectSuccess();
    for (String container : containers) {
      exited(container);
      assertEquals(137, pods.status(container).getExitCode());
      assertEquals(1, exitsTold(container));
    }
  }

  /** Case 14: init and shim die together; nothing is left Terminating. */
  @Test
  void initAndShimKilledTogetherAreEndedSoon() {
    node.start();
    node.importImage("k8s.io");
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", "sleep 1000");
    long pid = pods.pid(container);
    long shim = Host.parentOf(pid);
    Host.run(5, List.of("kill", "-9", Long.toString(shim), Long.toString(pid))).expectSuccess();
    Eventually.holds(
        "the end of the container within 5 s",
        Duration.ofSeconds(5),
        () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals(137, pods.status(container).getExitCode());
    pods.stop(container, 1);
    pods.stop(container, 1);
    pods.stopPod(pod);
    pods.stopPod(pod);
    pods.remove(container);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** Case 15: another process has the pid when the daemon comes back. */
  @Test
  void strangerWithARecycledPidIsNeverSignalled() throws Exception {
    node.start();
    node.importImage("k8s.io");
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", "sleep 1000");
    long pid = pods.pid(container);
    long shim = Host.parentOf(pid);
    node.killDaemon();
    Host.kill9(shim);
    Host.kill9(pid);
    // It stays a zombie for as long as its new parent takes to reap it.
    Eventually.holds("a free pid", PATIENCE, () -> !Files.exists(Path.of("/proc/" + pid)));
    Process stranger = withPid(pid);
    try {
      node.start();
      exited(container);
      assertEquals(137, pods.status(container).getExitCode());
      pods.stop(container, 1);
      assertThrows(
          StatusRuntimeException.class,
          () ->
              node.tasks("k8s.io")
                  .kill(
                      dev.retainerd.wire.containerd.services.tasks.v1.KillRequest.newBuilder()
                          .setContainerId(container)
                          .setSignal(9)
                          .build()));
      pods.stopPod(pod);
      pods.remove(container);
      pods.removePod(pod);
      assertTrue(stranger.isAlive(), "a process that was not the container's was signalled");
    } finally {
      stranger.destroyForcibly();
    }
  }

  /**
   * A process of ours with exactly that pid; others on the machine may snatch it, so tried often.
   */
  private static Process withPid(long pid) throws Exception {
    for (int attempt = 0; attempt < 200; attempt++) {
      Process candidate =
          new ProcessBuilder(
                  "sh",
                  "-c",
                  "echo "
                      + (pid - 1)
                      + " >/proc/sys/kernel/ns_last_pid; sleep 1000 & echo $!; wait")
              .start();
      String said =
          new java.io.BufferedReader(new java.io.InputStreamReader(candidate.getInputStream()))
              .readLine();
      if (said != null && Long.parseLong(said.strip()) == pid) {
        return candidate;
      }
      if (said != null) {
        ProcessHandle.of(Long.parseLong(said.strip())).ifPresent(ProcessHandle::destroyForcibly);
      }
      candidate.destroyForcibly();
    }
    throw new AssertionError("pid " + pid + " could not be had again");
  }
}
