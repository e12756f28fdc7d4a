package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Many pods of one container, four at once, as a node does after a drain: time for all of them. */
final class WallStage implements Stage {
  private static final int WIDTH = 4;

  @Override
  public String name() {
    return "wall";
  }

  @Override
  public String title(Sizes sizes) {
    return sizes.pods() + " pods with a container, " + WIDTH + " at once, time for all";
  }

  @Override
  public int rounds(Sizes sizes) {
    return Math.max(1, sizes.rounds() / 6);
  }

  @Override
  public int warmUp(Sizes sizes) {
    return 0;
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting
        .targets()
        .forEach(target -> turns.add(new Many(target, setting.busybox(), setting.sizes().pods())));
    return turns;
  }

  private static final class Many extends PodScenario {
    private final int count;

    Many(Target target, Path busybox, int count) {
      super(target, busybox, new Pods(target, "wall"));
      this.count = count;
    }

    @Override
    public Readings round(int number) throws Exception {
      String[] ids = new String[count];
      long started = AtOnce.run(count, WIDTH, i -> ids[i] = pods.sleeping(i));
      long removed = AtOnce.run(count, WIDTH, i -> pods.end(ids[i]));
      return new Readings().addNanos("start all", started).addNanos("remove all", removed);
    }
  }
}
