package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Case 9: a shim that is there and answers nothing holds up nobody, and is replaced. */
@Tag("real")
class WedgedShimTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  private void startWith(int podsPerShim) throws Exception {
    node.configure("[retain]\n  pods_per_shim = " + podsPerShim + "\n");
    node.start();
    node.importImage("k8s.io");
  }

  private void startPatient(String... daemonOptions) throws Exception {
    node.configure("[retain]\n  shim_timeout_millis = 600000\n");
    node.start(daemonOptions);
    node.importImage("k8s.io");
  }

  private static void freeze(long pid) {
    Host.run(5, List.of("kill", "-STOP", Long.toString(pid))).expectSuccess();
  }

  private static void thaw(long pid) {
    Host.run(5, List.of("kill", "-CONT", Long.toString(pid))).expectSuccess();
  }

  @Test
  void silentShimIsReplacedAndItsContainersRunOn() throws Exception {
    startWith(50);
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long pid = pods.pid(counter);
    long shim = Host.parentOf(pid);
    freeze(shim);
    long from = System.nanoTime();
    Eventually.holds("the end of the silent shim", PATIENCE, () -> !Host.runs(shim));
    long seconds = (System.nanoTime() - from) / 1_000_000_000;
    assertTrue(seconds >= 5, "it was ended after " + seconds + " s already");
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows under the successor",
        PATIENCE,
        () -> pods.log("p", "counter").size() >= before + 5);
    assertTrue(Host.runs(pid));
    assertEquals(pid, pods.pid(counter));
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
    String events = node.retainctl("events", "--from", "1").expectSuccess();
    assertTrue(events.contains("it has answered nothing for"), events);
    assertTrue(events.contains("takes over the containers of shim"), events);
    assertTrue(events.contains("was replaced by shim"), events);
  }

  @Test
  void podsStartInAnotherShimWhileTheirsIsStopped() throws Exception {
    startPatient();
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long shim = Host.parentOf(pods.pid(counter));
    // Placed there, and offered to it when it does not answer any more.
    String script = "echo begun; while :; do sleep 0.1; done";
    String moved = pods.create(pods.run("q"), "q", "moved", script);
    freeze(shim);
    pods.start(moved);
    long other = Host.parentOf(pods.pid(moved));
    assertNotEquals(shim, other);
    List<String> more = new ArrayList<>();
    long slowest = 0;
    for (int i = 0; i < 5; i++) {
      String pod = pods.run("r" + i);
      String container = pods.create(pod, "r" + i, "c", script);
      long from = System.nanoTime();
      pods.start(container);
      slowest = Math.max(slowest, System.nanoTime() - from);
      assertNotEquals(shim, Host.parentOf(pods.pid(container)));
      more.add(container);
    }
    System.out.println(
        "figure: slowest start beside a stopped shim " + slowest / 1_000_000 + " ms");
    assertTrue(Host.runs(shim), "it was ended, and proves nothing any more");
    Eventually.holds("a line", PATIENCE, () -> !pods.log("q", "moved").isEmpty());
    thaw(shim);
    // It comes to this only after what was taken back from it.
    Eventually.holds("an end in it", PATIENCE, () -> hasStopped(counter));
    assertEquals(3, pods.status(counter).getExitCode());
    assertEquals(1, pods.log("q", "moved").size(), "it was started twice");
    assertEquals(other, Host.parentOf(pods.pid(moved)));
    String events = node.retainctl("events", "--from", "1").expectSuccess();
    assertTrue(events.contains("did not take it"), events);
    node.killDaemon();
    node.start();
    pods.stop(moved, 1);
    assertEquals(137, pods.status(moved).getExitCode());
    for (String container : more) {
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"OFFER_WITHDRAWN", "OFFER_MOVE_RECORDED"})
  void aDaemonThatDiesWhileAPodMovesStartsItOnceAfterwards(String point) throws Exception {
    startPatient("-Dretainerd.failpoint=" + point);
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long shim = Host.parentOf(pods.pid(counter));
    String moved =
        pods.create(pods.run("q"), "q", "moved", "echo begun; while :; do sleep 0.1; done");
    freeze(shim);
    assertThrows(StatusRuntimeException.class, () -> pods.start(moved));
    node.awaitDaemonEnd();
    assertEquals(137, node.exitCode(), node.logTail());
    thaw(shim);
    node.start();
    assertEquals(ContainerState.CONTAINER_CREATED, pods.status(moved).getState());
    pods.start(moved);
    Eventually.holds("a line", PATIENCE, () -> !pods.log("q", "moved").isEmpty());
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    assertEquals(1, pods.log("q", "moved").size(), "it was started twice");
    pods.stop(moved, 1);
    assertEquals(137, pods.status(moved).getExitCode());
  }

  /** Its shim may have been given up just as it came back: the next one is asked then. */
  private boolean hasStopped(String container) {
    try {
      pods.stop(container, 10);
      return pods.status(container).getState() == ContainerState.CONTAINER_EXITED;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Test
  void aPodThatHasAContainerInAStoppedShimStaysThere() throws Exception {
    startPatient();
    String pod = pods.run("p");
    String counter = pods.start(pod, "p", "counter", Pods.COUNTER);
    long shim = Host.parentOf(pods.pid(counter));
    String second = pods.create(pod, "p", "second", "echo begun; exec sleep 1000");
    freeze(shim);
    CompletableFuture<Void> started =
        CompletableFuture.runAsync(() -> pods.start(second), Thread::startVirtualThread);
    assertThrows(TimeoutException.class, () -> started.get(1, TimeUnit.SECONDS));
    thaw(shim);
    started.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertEquals(shim, Host.parentOf(pods.pid(second)));
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
  }

  /** The case as it is written: the shim of five of two hundred pods. */
  @Test
  @Tag("soak")
  void frozenShimOfFiveOfTwoHundredPodsHoldsUpNobody() throws Exception {
    startWith(5);
    List<String> containers = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      containers.add(pods.start(pods.run("p" + i), "p" + i, "c", "sleep 1000"));
    }
    long shim = Host.parentOf(pods.pid(containers.get(100)));
    node.killDaemon();
    Duration usual = node.start();
    node.killDaemon();
    freeze(shim);
    Duration ready = node.start();
    System.out.println(
        "figure: ready after "
            + ready.toMillis()
            + " ms with 200 pods and a frozen shim of 5, "
            + usual.toMillis()
            + " ms without");
    assertTrue(ready.toMillis() < Math.max(2_000, usual.toMillis() * 2), "ready after " + ready);
    int running = 0;
    for (String container : containers) {
      running += pods.status(container).getState() == ContainerState.CONTAINER_RUNNING ? 1 : 0;
    }
    assertEquals(200, running);
    Eventually.holds("one unreachable shim", PATIENCE, () -> unreachable() == 1);
    assertEquals(5, podsOfUnreachable());
    thaw(shim);
    Eventually.holds("it is back", PATIENCE, () -> unreachable() == 0);
    String other = containers.get(100);
    pods.stop(other, 1);
    assertEquals(ContainerState.CONTAINER_EXITED, pods.status(other).getState());
  }

  private List<String> unreachableLines() {
    return node.retainctl("shim", "ls")
        .expectSuccess()
        .lines()
        .filter(line -> line.contains("unreachable"))
        .toList();
  }

  private long unreachable() {
    return unreachableLines().size();
  }

  private int podsOfUnreachable() {
    String[] fields = unreachableLines().getFirst().strip().split("\\s+");
    return Integer.parseInt(fields[fields.length - 4]);
  }

  @Test
  void frozenShimsHoldUpNeitherTheStartNorTheOthersAndComeBack() throws Exception {
    startWith(1);
    List<String> containers = new ArrayList<>();
    List<Long> shims = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      containers.add(pods.start(pods.run("p" + i), "p" + i, "c", Pods.COUNTER));
      shims.add(Host.parentOf(pods.pid(containers.get(i))));
    }
    assertEquals(8, shims.stream().distinct().count());
    // A start after a kill is what it is compared with: it finds a socket that nobody answers.
    node.killDaemon();
    Duration usual = node.start();
    node.killDaemon();
    freeze(shims.get(0));
    freeze(shims.get(1));
    Duration ready = node.start();
    // Two seconds; on a slow machine, what a start without a frozen shim takes.
    long most = Math.max(2_000, usual.toMillis() * 2);
    assertTrue(ready.toMillis() < most, "ready after " + ready + ", else after " + usual);
    for (String container : containers) {
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
    }
    Eventually.holds(
        "two unreachable shims",
        PATIENCE,
        () ->
            node.retainctl("shim", "ls")
                    .expectSuccess()
                    .lines()
                    .filter(l -> l.contains("unreachable"))
                    .count()
                == 2);
    String other = containers.get(7);
    pods.stop(other, 10);
    assertEquals(3, pods.status(other).getExitCode());
    thaw(shims.get(0));
    thaw(shims.get(1));
    Eventually.holds(
        "both shims back",
        PATIENCE,
        () -> !node.retainctl("shim", "ls").expectSuccess().contains("unreachable"));
    String first = containers.get(0);
    pods.stop(first, 10);
    assertEquals(3, pods.status(first).getExitCode());
    pods.expectCounted("p0", "c");
  }

  @Test
  void shimsAreUpgradedUnderRunningContainers() throws Exception {
    Path build = node.folder().resolve("build");
    Files.writeString(build, "old");
    Path launcher =
        Node.script(
            node.folder(),
            "shim-launcher",
            "#!/bin/sh\nRETAIN_SHIM_JAVA_OPTS=-Dretain.shim.build=$(cat "
                + build
                + ") exec "
                + Node.DIST.resolve("bin/containerd-shim-retain-v1")
                + " \"$@\"\n");
    node.configure("[retain]\n  shim_path = \"" + launcher + "\"\n");
    node.start();
    node.importImage("k8s.io");
    node.importImage(node.name());
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    node.ctr("run", "-d", Node.IMAGE, "c1", "sleep", "1000").expectSuccess();
    long pid = pods.pid(counter);
    long oldShim = Host.parentOf(pid);
    assertTrue(node.retainctl("shim", "ls").expectSuccess().contains("0.1.0+old"));
    assertEquals("", node.retainctl("shim", "upgrade").expectSuccess(), "nothing is older");

    Files.writeString(build, "new");
    assertTrue(
        node.retainctl("shim", "ls").expectSuccess().contains("0.1.0+old (not the installed one)"));
    String said = node.retainctl("shim", "upgrade").expectSuccess();
    assertTrue(said.contains("was replaced by"), said);
    assertTrue(!Host.runs(oldShim), "the shim of the older version still runs");
    assertTrue(Host.runs(pid), "the container did not survive the upgrade");
    assertEquals(pid, pods.pid(counter));
    Eventually.holds(
        "no shim of the older version",
        PATIENCE,
        () -> !node.retainctl("shim", "ls").expectSuccess().contains("+old"));
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows under the newer version",
        PATIENCE,
        () -> pods.log("p", "counter").size() >= before + 5);
    assertEquals(
        "in it\n",
        node.ctr("tasks", "exec", "--exec-id", "e1", "c1", "echo", "in it").expectSuccess());
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
    String explained = node.retainctl("events", "--from", "1").expectSuccess();
    assertTrue(explained.contains("it gives way to version 0.1.0+new"), explained);
    Host.Output unknown = node.retainctl("shim", "upgrade", "nobody");
    assertNotEquals(0, unknown.code());
    assertTrue(unknown.text().contains("there is no shim nobody here"), unknown.text());
  }
}
