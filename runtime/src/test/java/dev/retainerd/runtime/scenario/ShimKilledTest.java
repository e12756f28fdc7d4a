package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SIGKILL of the shim, alone and together with the daemon. */
@Tag("real")
class ShimKilledTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  private void started() {
    node.start();
    node.importImage("k8s.io");
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void containerOutlivesItsShimAndItsExitIsKnown() {
    started();
    String counter = pods.start(pods.run("p"), "p", "counter", Pods.COUNTER);
    long pid = pods.pid(counter);
    Host.kill9(Host.parentOf(pid));
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows after the shim's death",
        PATIENCE,
        () -> pods.log("p", "counter").size() >= before + 5);
    assertTrue(Host.runs(pid));
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }

  @Test
  void exitRightAfterTheShimsDeathIsKnown() {
    started();
    String pod = pods.run("p");
    String second =
        pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long pid = pods.pid(second);
    Host.kill9(Host.parentOf(pid));
    pods.signal("go");
    Eventually.holds(
        "the container's exit",
        PATIENCE,
        () -> pods.status(second).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals(7, pods.status(second).getExitCode());
  }

  @Test
  void daemonAndShimKilledTogether() {
    started();
    String pod = pods.run("p");
    String counter = pods.start(pod, "p", "counter", Pods.COUNTER);
    String second =
        pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long counterPid = pods.pid(counter);
    long secondPid = pods.pid(second);
    long shim = Host.parentOf(counterPid);
    long otherShim = Host.parentOf(secondPid);
    node.killDaemon();
    Host.kill9(shim);
    if (Host.runs(otherShim)) {
      Host.kill9(otherShim);
    }
    pods.signal("go");
    Eventually.holds("the second container's end", PATIENCE, () -> !Host.runs(secondPid));
    assertTrue(Host.runs(counterPid));
    node.start();
    Eventually.holds(
        "the second container's exit",
        PATIENCE,
        () -> pods.status(second).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals(7, pods.status(second).getExitCode());
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(counter).getState());
    int before = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows again", PATIENCE, () -> pods.log("p", "counter").size() >= before + 5);
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    pods.expectCounted("p", "counter");
  }

  /** What a container leaves is cleaned up by the heir, and whoever stops the pod does not wait. */
  @Test
  void shimKilledWhileItCleansUpAfterAnExit() throws Exception {
    Path runtime =
        Node.script(
            node.folder(),
            "runc-holds-deletes",
            """
        #!/bin/sh
        case " $* " in
          *' delete '*)
            [ ! -e %1$s/hold ] || >%1$s/deleting
            while [ -e %1$s/hold ]; do sleep 0.05; done;;
        esac
        exec /usr/sbin/runc "$@"
        """
                .formatted(node.folder()));
    node.runWith("runc", runtime);
    started();
    String pod = pods.run("p");
    String ends =
        pods.start(pod, "p", "ends", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long shim = Host.parentOf(pods.pid(ends));
    Path hold = Files.createFile(node.folder().resolve("hold"));
    pods.signal("go");
    Eventually.holds(
        "a delete under way", PATIENCE, () -> Files.exists(node.folder().resolve("deleting")));
    assertEquals(ContainerState.CONTAINER_EXITED, pods.status(ends).getState());
    Host.kill9(shim);
    Files.delete(hold);
    pods.stop(ends, 0);
    assertEquals(7, pods.status(ends).getExitCode());
    pods.remove(ends);
    pods.stopPod(pod);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** A start that waits for the heir is recorded in the heir, and can be stopped like any other. */
  @Test
  void containerStartedWhileItsPodsShimIsReplaced() throws Exception {
    Path hold = node.folder().resolve("hold-shims");
    Path launcher =
        Node.script(
            node.folder(),
            "shim-launcher",
            """
        #!/bin/sh
        while [ -e %s ]; do sleep 0.05; done
        exec %s "$@"
        """
                .formatted(hold, Node.DIST.resolve("bin/containerd-shim-retain-v1")));
    node.configure("[retain]\n  spare_shims = 0\n  shim_path = \"" + launcher + "\"\n");
    started();
    String pod = pods.run("p");
    String first = pods.start(pod, "p", "first", "sleep 1000");
    Files.createFile(hold);
    Host.kill9(Host.parentOf(pods.pid(first)));
    CompletableFuture<String> started =
        CompletableFuture.supplyAsync(() -> pods.start(pod, "p", "second", "sleep 1000"));
    Eventually.holds(
        "a second container",
        PATIENCE,
        () ->
            node.cri()
                    .listContainers(ListContainersRequest.getDefaultInstance())
                    .getContainersCount()
                == 2);
    Files.delete(hold);
    String second = started.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    pods.stop(second, 0);
    pods.remove(second);
    pods.stopPod(pod);
    pods.removePod(pod);
  }
}
