package dev.retainerd.bench.scenario;

import com.google.common.util.concurrent.ListenableFuture;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Containers started in a second with 1, 2, 4 and 8 callers at once; runc alone is the floor. */
final class ParallelStage implements Stage {
  private static final List<Integer> WIDTHS = List.of(1, 2, 4, 8);
  private static final List<String> TRUE = List.of("/bin/true");

  @Override
  public String name() {
    return "parallel";
  }

  @Override
  public String title(Sizes sizes) {
    return "containers started per second (record, task, start), " + sizes.started() + " each time";
  }

  @Override
  public int rounds(Sizes sizes) {
    return Math.max(1, sizes.rounds() / 5);
  }

  @Override
  public int warmUp(Sizes sizes) {
    return Math.min(1, sizes.warmUp());
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Starts(target, setting)));
    turns.add(new Floor(new Runc(setting), setting.sizes().started()));
    return turns;
  }

  private static Readings add(Readings readings, int width, int count, long nanos) {
    return readings.add(new Metric(width + " at once", Unit.PER_SECOND), count / (nanos / 1e9));
  }

  private static final class Starts extends ContainerScenario {
    private final int count;

    Starts(Target target, Setting setting) {
      super(target, setting.rootfs());
      this.count = setting.sizes().started();
    }

    @Override
    public Readings round(int number) throws Exception {
      Readings readings = new Readings();
      for (int width : WIDTHS) {
        String prefix = Containers.id("parallel-" + width, number);
        Map<String, ListenableFuture<WaitResponse>> exits = new ConcurrentHashMap<>();
        long nanos =
            AtOnce.run(
                count,
                width,
                i -> {
                  String id = prefix + "-" + i;
                  containers.create(id, TRUE);
                  containers.createTask(id);
                  exits.put(id, containers.start(id));
                });
        add(readings, width, count, nanos);
        for (Map.Entry<String, ListenableFuture<WaitResponse>> exit : exits.entrySet()) {
          Containers.awaitSuccess(exit.getKey(), exit.getValue());
          containers.deleteTask(exit.getKey());
          containers.delete(exit.getKey());
        }
      }
      return readings;
    }
  }

  private record Floor(Runc runc, int count) implements RuncFloor {
    @Override
    public Readings round(int number) throws Exception {
      Readings readings = new Readings();
      for (int width : WIDTHS) {
        String prefix = Containers.id("parallel-floor-" + width, number);
        for (int i = 0; i < count; i++) {
          runc.prepare(prefix + "-" + i, TRUE);
        }
        long nanos =
            AtOnce.run(
                count,
                width,
                i -> {
                  runc.create(prefix + "-" + i);
                  runc.start(prefix + "-" + i);
                });
        add(readings, width, count, nanos);
        for (int i = 0; i < count; i++) {
          runc.awaitExit(prefix + "-" + i);
          runc.delete(prefix + "-" + i);
        }
      }
      return readings;
    }
  }
}
