package dev.retainerd.bench.fault;

import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.node.Footprint;
import dev.retainerd.bench.node.LoopDisk;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.scenario.Pods;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One fault on one node: load, fault, recovery, audit, removal. The node is the trial's own. For
 * one thread.
 */
final class Trial implements AutoCloseable {
  private static final int COUNTERS = 4;
  private static final int EXITERS = 4;
  private static final long BEFORE_MILLIS = 1_000;
  private static final long RECOVERY_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);
  private static final long SETTLE_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private final Fault fault;
  private final Node node;
  private final Optional<LoopDisk> disk;
  private final Pods pods;
  private final Traffic traffic;
  private final List<Counter> counters = new ArrayList<>();
  private final List<Exiter> exiters = new ArrayList<>();
  private final List<String> lost = new ArrayList<>();
  private final List<String> noted = new ArrayList<>();

  Trial(Fault fault, Node node, Optional<LoopDisk> disk) {
    this.fault = fault;
    this.node = node;
    this.disk = disk;
    this.pods = new Pods(node, "fault");
    this.traffic = new Traffic(node);
  }

  FaultResult run(Path busybox) throws Exception {
    node.provideImage(busybox, "k8s.io");
    pods.end(pods.sleeping(999));
    Footprint before = Footprint.of(node);
    for (int i = 0; i < COUNTERS; i++) {
      counters.add(Counter.start(pods, i));
    }
    traffic.begin();
    Thread.sleep(BEFORE_MILLIS);
    for (int i = 0; i < EXITERS; i++) {
      exiters.add(Exiter.start(pods, counters.get(i).pod(), i, i));
    }
    int cyclesBefore = traffic.cycles();
    long victim = counters.getFirst().process();
    if (victim < 0) {
      throw new IllegalStateException("the process of a counting container is not to be found");
    }
    fault.strike(new Fault.Scene(node, disk, victim));
    long ended = System.nanoTime();
    int cyclesDuring = traffic.cycles() - cyclesBefore;
    boolean well = awaitWell(ended, traffic.cycles());
    double recovered = (System.nanoTime() - ended) / 1e6;
    if (!well) {
      lost.add("not all containers ran and logged within 60 s of the fault's end");
    }
    audit();
    noted.add(cyclesDuring + " pods went through their life while it lasted");
    String refusals = traffic.refusals();
    if (!refusals.isEmpty()) {
      noted.add("calls refused: " + refusals);
    }
    double silent = traffic.silentMillis();
    leftovers(before);
    return new FaultResult(
        fault.name(), fault.title(), node.name(), silent, recovered, lost, noted);
  }

  /** All counters run and log, and pods come and go again. */
  private boolean awaitWell(long since, int cycles) throws InterruptedException {
    while (System.nanoTime() - since < RECOVERY_NANOS_MAX) {
      if (allWell() && traffic.cycles() > cycles) {
        return true;
      }
      // A container that died will not come back: what then counts is that the node works.
      if (counters.stream().anyMatch(one -> one.process() < 0) && traffic.cycles() > cycles) {
        return true;
      }
      Thread.sleep(5);
    }
    return false;
  }

  private boolean allWell() throws InterruptedException {
    try {
      for (Counter counter : counters) {
        if (!counter.isWell()) {
          return false;
        }
      }
      return true;
    } catch (StatusRuntimeException e) {
      pods.client().connectAnew();
      return false;
    }
  }

  private void audit() throws InterruptedException {
    traffic.end();
    for (Exiter exiter : exiters) {
      exiter.audit().ifPresent(lost::add);
    }
    List<Long> lines = new ArrayList<>();
    counters.forEach(counter -> lost.addAll(counter.audit(lines)));
    long found = lines.stream().mapToLong(Long::longValue).sum();
    noted.add(found + " lines of " + COUNTERS + " containers and " + EXITERS + " exits audited");
    try {
      lost.addAll(traffic.audit());
    } catch (StatusRuntimeException e) {
      lost.add("pods can't be listed: " + e.getMessage());
    }
  }

  /**
   * Removes a pod; one that is still being made, for a caller that was cut off, is asked for again,
   * as a kubelet does.
   */
  private void end(String pod) throws InterruptedException {
    long deadline = System.nanoTime() + SETTLE_NANOS_MAX;
    while (true) {
      try {
        pods.end(pod);
        return;
      } catch (StatusRuntimeException e) {
        boolean early = e.getStatus().getCode() == Status.Code.FAILED_PRECONDITION;
        if (!early || System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(100);
      }
    }
  }

  /** Removes every pod, and looks at what is there that was not there before. */
  private void leftovers(Footprint before) throws InterruptedException {
    try {
      for (PodSandbox pod :
          pods.client()
              .cri()
              .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
              .getItemsList()) {
        end(pod.getId());
      }
    } catch (StatusRuntimeException e) {
      lost.add("a pod can't be removed: " + e.getMessage());
    }
    long deadline = System.nanoTime() + SETTLE_NANOS_MAX;
    Map<String, Long> left = Footprint.of(node).beyond(before);
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(100);
      left = Footprint.of(node).beyond(before);
    }
    left.forEach((what, count) -> lost.add(count + " " + what + " left behind"));
  }

  @Override
  public void close() {
    traffic.close();
    pods.close();
  }
}
