package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Footprint;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.Processes;
import dev.retainerd.bench.node.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Pods come and go, four at once, for as long as was asked for, in slices that alternate between
 * the targets. After each slice nothing may be left of them, and memory must not have grown.
 */
final class ChurnStage implements Stage {
  private static final int WIDTH = 4;
  private static final int SLICES = 6;
  private static final long SLICE_SECONDS_MAX = 30;

  @Override
  public String name() {
    return "churn";
  }

  @Override
  public String title(Sizes sizes) {
    return "pods come and go for "
        + sizes.churnSeconds()
        + " s, "
        + WIDTH
        + " at once; what is left of them after each slice";
  }

  @Override
  public int rounds(Sizes sizes) {
    return (int) Math.max(SLICES, sizes.churnSeconds() / SLICE_SECONDS_MAX);
  }

  @Override
  public int warmUp(Sizes sizes) {
    return 0;
  }

  @Override
  public boolean needsOwnNodes() {
    return true;
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    long millis = 1000L * setting.sizes().churnSeconds() / rounds(setting.sizes());
    List<Scenario> turns = new ArrayList<>();
    for (Target target : setting.targets()) {
      target.own().ifPresent(node -> turns.add(new Churn(node, setting.busybox(), millis)));
    }
    return turns;
  }

  private static final class Churn extends PodScenario {
    private static final long SETTLE_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

    private final Node node;
    private final long sliceMillis;
    private final AtomicInteger cycles = new AtomicInteger();
    private final List<double[]> daemon = new ArrayList<>();
    private final List<double[]> shims = new ArrayList<>();
    private Footprint before;

    Churn(Node node, Path busybox, long sliceMillis) {
      super(node, busybox, new Pods(node, "churn"));
      this.node = node;
      this.sliceMillis = sliceMillis;
    }

    /** A shim that is kept for later, and the bridge, are there before the count begins. */
    @Override
    public void prepare() throws Exception {
      super.prepare();
      AtOnce.run(WIDTH, WIDTH, i -> pods.end(pods.sleeping(i)));
      before = settled(Footprint.of(node));
    }

    @Override
    public Readings round(int number) throws Exception {
      int doneBefore = cycles.get();
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(sliceMillis);
      long nanos =
          AtOnce.run(
              WIDTH,
              WIDTH,
              i -> {
                while (System.nanoTime() < deadline) {
                  pods.end(pods.sleeping(i));
                  cycles.incrementAndGet();
                }
              });
      Map<String, Long> left = settled(before).beyond(before);
      left.forEach(
          (what, count) ->
              System.err.printf(
                  "retain-bench: %s: %d %s left after %d pods%n",
                  node.name(), count, what, cycles.get()));
      double ofDaemon = Processes.pssMegabytes(node.daemon().orElseThrow());
      double ofShims = node.shims().stream().mapToDouble(Processes::pssMegabytes).sum();
      daemon.add(new double[] {cycles.get(), ofDaemon});
      shims.add(new double[] {cycles.get(), ofShims});
      return new Readings()
          .add(new Metric("pods", Unit.PER_SECOND), (cycles.get() - doneBefore) / (nanos / 1e9))
          .add(
              new Metric("left behind", Unit.COUNT),
              left.values().stream().mapToLong(Long::longValue).sum())
          .add(new Metric("daemon", Unit.MEGABYTES), ofDaemon)
          .add(new Metric("all shims", Unit.MEGABYTES), ofShims);
    }

    /** What is removed behind an answer may take a moment; what stays is a leak. */
    private Footprint settled(Footprint wanted) throws InterruptedException {
      long deadline = System.nanoTime() + SETTLE_NANOS_MAX;
      Footprint now = Footprint.of(node);
      while (!now.beyond(wanted).isEmpty() && System.nanoTime() < deadline) {
        Thread.sleep(50);
        now = Footprint.of(node);
      }
      return now;
    }

    @Override
    public List<Curve> curves() {
      return List.of(
          new Curve("memory of the daemon", "pods so far", "PSS, MB", daemon),
          new Curve("memory of all shims", "pods so far", "PSS, MB", shims));
    }
  }
}
