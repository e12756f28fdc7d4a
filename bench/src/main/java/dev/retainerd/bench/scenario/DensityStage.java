package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.Processes;
import dev.retainerd.bench.node.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What pods cost that only are there: memory as PSS, the daemon and the shims apart, and processor
 * time. A node of ours is started anew before, so that what other stages left in it counts not.
 */
final class DensityStage implements Stage {
  private static final int WIDTH = 4;
  private static final int STEPS = 6;

  /** What a daemon puts off until after its start is done by then. */
  private static final long SETTLE_SECONDS = 3;

  @Override
  public String name() {
    return "density";
  }

  @Override
  public String title(Sizes sizes) {
    return "memory (PSS) and idle processor time with " + sizes.pods() + " pods of one container";
  }

  @Override
  public int rounds(Sizes sizes) {
    return 1;
  }

  @Override
  public int warmUp(Sizes sizes) {
    return 0;
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Many(target, setting)));
    return turns;
  }

  /** PSS of a daemon and of all its shims, in MB. */
  private record Weight(double daemon, double shims) {}

  private static final class Many implements Scenario {
    private final Target target;
    private final Setting setting;
    private final Pods pods;
    private final List<String> started = new ArrayList<>();
    private final List<double[]> daemon = new ArrayList<>();
    private final List<double[]> shims = new ArrayList<>();

    Many(Target target, Setting setting) {
      this.target = target;
      this.setting = setting;
      this.pods = new Pods(target, "density");
    }

    @Override
    public String target() {
      return target.name();
    }

    @Override
    public void prepare() throws Exception {
      target.provideImage(setting.busybox(), "k8s.io");
      if (target.daemon().isEmpty()) {
        throw new NodeException(
            "the process that listens on " + target.socket() + " is not to be seen from here");
      }
      Optional<Node> node = target.own();
      if (node.isPresent()) {
        node.get().stopDaemon();
        node.get().launch();
      }
    }

    @Override
    public Readings round(int number) throws Exception {
      settle();
      Readings readings = new Readings();
      readings.add(memory("daemon, no pod"), note(0).daemon);
      int count = setting.sizes().pods();
      for (int step = 1; step <= STEPS; step++) {
        int from = started.size();
        int upTo = count * step / STEPS;
        String[] ids = new String[upTo - from];
        AtOnce.run(ids.length, WIDTH, i -> ids[i] = pods.sleeping(from + i));
        started.addAll(List.of(ids));
        if (step == STEPS) {
          settle();
        }
        note(upTo);
      }
      double ofDaemon = daemon.getLast()[1];
      double ofShims = shims.getLast()[1];
      readings.add(memory("daemon"), ofDaemon);
      readings.add(memory("all shims"), ofShims);
      readings.add(memory("daemon and shims"), ofDaemon + ofShims);
      idle(readings);
      // Some runtimes give back what starts took only when it is quiet.
      Weight atRest = weight();
      readings.add(memory("daemon, at rest"), atRest.daemon);
      readings.add(memory("all shims, at rest"), atRest.shims);
      readings.add(memory("both, at rest"), atRest.daemon + atRest.shims);
      pods.endQuietly(started);
      started.clear();
      return readings;
    }

    private void settle() throws InterruptedException {
      if (setting.sizes().settled()) {
        TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
      }
    }

    /** Notes memory at this number of pods, and returns it. */
    private Weight note(int count) {
      Weight now = weight();
      daemon.add(new double[] {count, now.daemon});
      shims.add(new double[] {count, now.shims});
      return now;
    }

    private Weight weight() {
      return new Weight(
          Processes.pssMegabytes(target.daemon().orElseThrow()),
          target.shims().stream().mapToDouble(Processes::pssMegabytes).sum());
    }

    private void idle(Readings readings) throws InterruptedException {
      long pid = target.daemon().orElseThrow();
      List<Long> between = target.shims();
      long daemonBefore = Processes.cpuMillis(pid);
      long shimsBefore = between.stream().mapToLong(Processes::cpuMillis).sum();
      long started = System.nanoTime();
      TimeUnit.SECONDS.sleep(setting.sizes().idleSeconds());
      double millis = (System.nanoTime() - started) / 1e6;
      long daemonAfter = Processes.cpuMillis(pid);
      long shimsAfter = between.stream().mapToLong(Processes::cpuMillis).sum();
      readings.add(
          new Metric("daemon, idle", Unit.PERCENT_OF_CORE),
          100 * (daemonAfter - daemonBefore) / millis);
      readings.add(
          new Metric("all shims, idle", Unit.PERCENT_OF_CORE),
          100 * (shimsAfter - shimsBefore) / millis);
    }

    private static Metric memory(String of) {
      return new Metric(of, Unit.MEGABYTES);
    }

    @Override
    public List<Curve> curves() {
      return List.of(
          new Curve("memory of the daemon", "pods", "PSS, MB", daemon),
          new Curve("memory of all shims", "pods", "PSS, MB", shims));
    }

    @Override
    public void close() {
      pods.endQuietly(started);
      pods.close();
    }
  }
}
