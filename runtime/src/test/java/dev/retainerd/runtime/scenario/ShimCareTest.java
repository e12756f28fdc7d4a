package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Cases 8, 10 and 26, and grouping: as many shims as the state says, whatever happens. */
@Tag("real")
class ShimCareTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  private Set<Long> shimsOfTheState() {
    Set<Long> pids = new TreeSet<>();
    node.retainctl("shim", "ls")
        .expectSuccess()
        .lines()
        .skip(1)
        .forEach(line -> pids.add(Long.parseLong(line.strip().split("\\s+")[1])));
    return pids;
  }

  private Set<Long> shimsThatLive() {
    Set<Long> pids = new TreeSet<>();
    for (long pid : Host.processesNaming(node.state() + "/shims/")) {
      if (Host.commandLine(pid).contains(" serve ") && Host.runs(pid)) {
        pids.add(pid);
      }
    }
    return pids;
  }

  private void expectAsManyAsTheStateSays() {
    Eventually.holds(
        "live shims as in the state; they are " + shimsThatLive(),
        PATIENCE,
        () -> !shimsThatLive().isEmpty() && shimsThatLive().equals(shimsOfTheState()));
  }

  private void oneLife() {
    String pod = pods.run("p");
    String container = pods.start(pod, "p", "c", "sleep 1000");
    pods.stop(container, 0);
    pods.remove(container);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  private void crashIn(Failpoint point) {
    node.start("-Dretainerd.failpoint=" + point);
    try {
      node.importImage("k8s.io");
      oneLife();
    } catch (StatusRuntimeException | AssertionError expected) {
      // The daemon ended in the middle.
    }
    node.awaitDaemonEnd();
    assertEquals(137, node.exitCode(), node.logTail());
    node.start();
    expectAsManyAsTheStateSays();
    for (PodSandbox pod :
        node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList()) {
      pods.stopPod(pod.getId());
      pods.removePod(pod.getId());
    }
    expectAsManyAsTheStateSays();
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** Case 8, its two points that are the likeliest to leak. */
  @Test
  void crashInCreateLeavesNoShim() {
    crashIn(Failpoint.SANDBOX_SHIM_ASSIGNED);
    crashIn(Failpoint.TASK_CREATED_IN_SHIM);
  }

  /** Case 8 at every point of a create. */
  @Test
  @Tag("soak")
  void crashAnywhereInCreateLeavesNoShim() {
    for (Failpoint point : Failpoint.values()) {
      boolean ofCreate =
          point.name().startsWith("SANDBOX_")
                  && point.ordinal() <= Failpoint.SANDBOX_OUTCOME_RECORDED.ordinal()
                  && point != Failpoint.SANDBOX_PAUSE_STARTED
                  && point != Failpoint.SANDBOX_NETWORK_RECORDED
              || point.name().startsWith("TASK_CREATE")
              || point == Failpoint.TASK_BUNDLE_WRITTEN;
      if (ofCreate) {
        crashIn(point);
      }
    }
  }

  /** Case 10: calls of the runtime fail now and then, and shims are killed. */
  private void churn(int cycles, int killEvery) throws Exception {
    // A start fails before runc has done anything, a create after it has done all.
    Path runtime =
        Node.script(
            node.folder(),
            "runc-fails",
            """
        #!/bin/sh
        case " $* " in
          *' create '*|*' start '*)
            n=$(($(cat %1$s/calls 2>/dev/null || echo 0) + 1)); echo $n >%1$s/calls
            case $(($n %% 26)) in
              0) exit 1;;
              13) /usr/sbin/runc "$@"; exit 1;;
            esac;;
        esac
        exec /usr/sbin/runc "$@"
        """
                .formatted(node.folder()));
    node.runWith("runc", runtime);
    node.start();
    node.importImage("k8s.io");
    int failed = 0;
    for (int i = 0; i < cycles; i++) {
      String pod = pods.run("p" + i);
      try {
        String container = pods.start(pod, "p" + i, "c", "sleep 1000");
        if (i % killEvery == killEvery - 1) {
          Host.kill9(Host.parentOf(pods.pid(container)));
        }
        if (i % 2 == 0) {
          pods.stop(container, 0);
          pods.remove(container);
        }
      } catch (StatusRuntimeException e) {
        failed++;
      }
      pods.stopPod(pod);
      pods.removePod(pod);
      // A removal that is asked for again is no failure.
      pods.removePod(pod);
      if (i == cycles / 2) {
        node.killDaemon();
        node.start();
      }
    }
    assertTrue(failed > 0, "no call failed");
    expectAsManyAsTheStateSays();
    assertTrue(shimsThatLive().size() <= 2, "shims leak: " + shimsThatLive());
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void churnWithFailingCallsLeaksNothing() throws Exception {
    churn(24, 8);
  }

  @Test
  @Tag("soak")
  @Timeout(value = 60, unit = TimeUnit.MINUTES)
  void longChurnWithFailingCallsLeaksNothing() throws Exception {
    churn(Integer.getInteger("shim.test.cycles", 2000), 50);
  }

  /**
   * Case 26: what systemd does to a unit with KillMode=process at a restart: SIGTERM to the main
   * process, later SIGKILL to it, and nothing to the rest of the unit's cgroup.
   */
  @Test
  void restartOfTheUnitKillsNoShim() throws Exception {
    String unit = Files.readString(Node.DIST.resolve("lib/systemd/retainerd.service"));
    assertTrue(unit.lines().anyMatch("KillMode=process"::equals), "the unit's kill mode");
    assertTrue(unit.lines().anyMatch("Restart=always"::equals), "the unit comes back");
    node.start();
    node.importImage("k8s.io");
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long pid = pods.pid(counter);
    long shim = Host.parentOf(pid);
    assertEquals(143, node.stopDaemon());
    assertTrue(Host.runs(shim) && Host.runs(pid));
    // A child of the main process would not survive its unit; the shim is none.
    assertTrue(Host.parentOf(shim) != node.daemonPid());
    node.start();
    assertEquals(shim, Host.parentOf(pid));
    node.killDaemon();
    assertTrue(Host.runs(shim) && Host.runs(pid));
    node.start();
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
    assertEquals(shim, Host.parentOf(pid));
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }

  /**
   * A shim that its last pod has left takes the next one; two processes serve any number of pods.
   */
  @Test
  void podsThatComeAndGoStartNoShims() throws Exception {
    node.configure("[retain]\n  idle_shim_millis = 3000\n");
    node.start();
    node.importImage("k8s.io");
    History history = new History(node);
    for (int i = 0; i < 8; i++) {
      oneLife();
    }
    assertEquals(2, history.sentences(1, "ShimStarting").size());
    expectAsManyAsTheStateSays();
    Eventually.holds("only the spare", PATIENCE, () -> shimsThatLive().size() == 1);
    expectAsManyAsTheStateSays();
  }

  /** What one emptied shim that waits saves, over pods that come and go one after the other. */
  @Test
  @Tag("soak")
  void figureOfPodsThatComeAndGo() throws Exception {
    node.configure("[retain]\n  idle_shim_millis = 0\n");
    node.start();
    node.importImage("k8s.io");
    long[] without = lives(30);
    node.stopDaemon();
    Files.writeString(
        node.config(),
        Files.readString(node.config())
            .replace("idle_shim_millis = 0", "idle_shim_millis = 60000"));
    node.start();
    long[] with = lives(30);
    System.out.printf(
        "figure: a pod's life, one after the other: %d ms and %d shims started for 30 pods; with an"
            + " emptied shim that waits %d ms and %d shims%n",
        without[0], without[1], with[0], with[1]);
    assertTrue(with[1] <= 2 && without[1] >= 15, without[1] + " and " + with[1] + " starts");
  }

  /** Milliseconds of one, as the median; shims started in all. */
  private long[] lives(int count) {
    History history = new History(node);
    for (int i = 0; i < 5; i++) {
      oneLife();
    }
    int before = history.sentences(1, "ShimStarting").size();
    List<Long> nanos = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long from = System.nanoTime();
      oneLife();
      nanos.add(System.nanoTime() - from);
    }
    nanos.sort(null);
    return new long[] {
      nanos.get(count / 2) / 1_000_000, history.sentences(1, "ShimStarting").size() - before
    };
  }

  /** pods_per_shim, the idle spare, and what is recorded of them. */
  @Test
  void podsAreGroupedAndOneSpareIsKept() throws Exception {
    node.configure("[retain]\n  pods_per_shim = 2\n");
    node.start();
    node.importImage("k8s.io");
    List<String> containers = new ArrayList<>();
    List<Long> parents = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      containers.add(pods.start(pods.run("p" + i), "p" + i, "c", "sleep 1000"));
      parents.add(Host.parentOf(pods.pid(containers.get(i))));
    }
    assertEquals(3, parents.stream().distinct().count());
    Eventually.holds(
        "three shims and a spare",
        PATIENCE,
        () -> shimsThatLive().size() == 4 && shimsThatLive().equals(shimsOfTheState()));
    String listed = node.retainctl("shim", "ls").expectSuccess();
    assertEquals(1, listed.lines().filter(line -> line.contains(" spare ")).count(), listed);
    History history = new History(node);
    assertEquals(5, history.sentences(1, "ShimAssigned").size());
    assertTrue(
        history.sentences(1, "ShimStarting").stream().anyMatch(s -> s.contains("as a spare")));
    // The spare takes the place of one that dies, and another spare comes.
    Host.kill9(parents.get(0));
    Eventually.holds(
        "a successor", PATIENCE, () -> !history.sentences(1, "ShimReplaced").isEmpty());
    assertEquals(1, history.sentences(1, "ShimAdopting").size());
    Eventually.holds(
        "three shims and a spare again",
        PATIENCE,
        () -> shimsThatLive().size() == 4 && shimsThatLive().equals(shimsOfTheState()));
    for (String container : containers) {
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
    }
    assertEquals(
        2,
        containers.stream()
            .map(c -> Host.parentOf(pods.pid(c)))
            .filter(parent -> parent == 0 || !parents.contains(parent))
            .count(),
        "only the dead shim's two containers have another parent");
  }
}
