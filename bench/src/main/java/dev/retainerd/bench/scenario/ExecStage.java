package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.Target;
import java.util.ArrayList;
import java.util.List;

/** {@code true} in a running container: ExecSync of CRI, and the four calls of containerd's API. */
final class ExecStage implements Stage {
  private static final String CRI = "ExecSync true (CRI)";
  private static final String CONTAINERD = "exec true (containerd API)";
  private static final List<String> TRUE = List.of("/bin/true");

  @Override
  public String name() {
    return "exec";
  }

  @Override
  public String title(Sizes sizes) {
    return "exec of true in a running container; floor: runc exec";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Execs(target, setting)));
    turns.add(new Floor(new Runc(setting)));
    return turns;
  }

  private static final class Execs implements Scenario {
    private final Target target;
    private final Setting setting;
    private final Pods pods;
    private final Containers containers;
    private final List<String> started = new ArrayList<>();
    private final String task = Containers.id("exec", 0);
    private String container;

    Execs(Target target, Setting setting) {
      this.target = target;
      this.setting = setting;
      this.pods = new Pods(target, "exec");
      this.containers = new Containers(target, setting.rootfs());
    }

    @Override
    public String target() {
      return target.name();
    }

    @Override
    public void prepare() throws Exception {
      target.provideImage(setting.busybox(), "k8s.io");
      started.add(pods.run(0));
      container = pods.create(started.getFirst(), 0, "sleep", Pods.SLEEP);
      pods.start(container);
      if (target.own().isPresent()) {
        containers.create(task, Pods.SLEEP);
        containers.createTask(task);
        containers.start(task);
      }
    }

    @Override
    public Readings round(int number) throws Exception {
      Rested.await();
      long started = System.nanoTime();
      pods.exec(container, TRUE);
      Readings readings = new Readings().addNanos(CRI, System.nanoTime() - started);
      if (target.own().isPresent()) {
        Rested.await();
        started = System.nanoTime();
        containers.exec(task, "exec-" + number, TRUE);
        readings.addNanos(CONTAINERD, System.nanoTime() - started);
      }
      return readings;
    }

    @Override
    public void close() {
      pods.endQuietly(started);
      try {
        if (container != null && target.own().isPresent()) {
          containers.kill(task);
          containers.deleteTask(task);
          containers.delete(task);
        }
      } catch (Exception e) {
        System.err.println("retain-bench: " + task + ": " + e.getMessage());
      }
      pods.close();
      containers.close();
    }
  }

  private record Floor(Runc runc) implements RuncFloor {
    private static final String ID = Containers.id("exec-floor", 0);

    @Override
    public void prepare() throws Exception {
      runc.prepare(ID, Pods.SLEEP);
      runc.create(ID);
      runc.start(ID);
    }

    @Override
    public Readings round(int number) throws Exception {
      Rested.await();
      long started = System.nanoTime();
      runc.exec(ID, TRUE.getFirst());
      long nanos = System.nanoTime() - started;
      return new Readings().addNanos(CRI, nanos).addNanos(CONTAINERD, nanos);
    }

    @Override
    public void close() {
      try {
        runc.delete(ID);
      } catch (NodeException e) {
        System.err.println("retain-bench: " + e.getMessage());
      }
    }
  }
}
