package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.Processes;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * kill -9 of the daemon with N pods running, then the time from its start to the first answer and
 * to all containers listed as running. Beside the times it notes memory, in PSS, before the kill.
 */
public final class Restart implements Scenario {
  private static final long REATTACH_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);
  private static final long POLL_MILLIS = 2;

  private final Node node;
  private final int pods;
  private final PodCycle cycle;
  private final List<String> started = new ArrayList<>();

  /** With {@code pods} pods of one container each. */
  public Restart(Node node, Path busybox, int pods) {
    this.node = node;
    this.pods = pods;
    this.cycle = new PodCycle(node, busybox);
  }

  @Override
  public String target() {
    return node.name();
  }

  @Override
  public void prepare() throws Exception {
    cycle.prepare();
    for (int i = 0; i < pods; i++) {
      started.add(cycle.start(i));
    }
  }

  @Override
  public Map<String, Long> round(int number) throws Exception {
    node.killDaemon();
    Phases phases = new Phases();
    node.launch();
    phases.lap("ready");
    long deadline = System.nanoTime() + REATTACH_NANOS_MAX;
    try (RuntimeClient client = node.connect()) {
      while (running(client) < pods) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException(
              "only " + running(client) + " of " + pods + " containers were listed after 60 s");
        }
        Thread.sleep(POLL_MILLIS);
      }
    }
    phases.lap("all listed");
    return phases.finish();
  }

  /** PSS of the daemon, in KiB. */
  public long daemonKib() {
    return Processes.pssKib(node.pid());
  }

  /** PSS of all shims together, in KiB. */
  public long shimsKib() {
    return node.shims().stream().mapToLong(Processes::pssKib).sum();
  }

  private static long running(RuntimeClient client) {
    return client
        .cri()
        .listContainers(ListContainersRequest.getDefaultInstance())
        .getContainersList()
        .stream()
        .filter(container -> container.getState() == ContainerState.CONTAINER_RUNNING)
        .count();
  }

  @Override
  public void close() {
    try {
      started.forEach(cycle::remove);
    } catch (io.grpc.StatusRuntimeException e) {
      System.err.println(
          "retain-bench: pods of " + node.name() + " could not be removed: " + e.getMessage());
    } finally {
      cycle.close();
    }
  }
}
