package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One pod of one container from RunPodSandbox to RemovePodSandbox, over CRI. */
final class PodStage implements Stage {
  @Override
  public String name() {
    return "pods";
  }

  @Override
  public String title(Sizes sizes) {
    return "pod life cycle over CRI; floor: the CNI plugins alone";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Life(target, setting.busybox())));
    turns.add(new CniFloor(setting.folder()));
    return turns;
  }

  private static final class Life extends PodScenario {
    Life(Target target, Path busybox) {
      super(target, busybox, new Pods(target, "life"));
    }

    @Override
    public Readings round(int number) throws InterruptedException {
      Rested.await();
      Phases phases = new Phases();
      String pod = pods.run(number);
      phases.lap("run pod");
      String container = pods.create(pod, number, "sleep", Pods.SLEEP);
      phases.lap("create container");
      pods.start(container);
      phases.lap("start container");
      pods.stop(container);
      phases.lap("stop container");
      pods.remove(container);
      phases.lap("remove container");
      pods.stopPod(pod);
      phases.lap("stop pod");
      pods.removePod(pod);
      phases.lap("remove pod");
      return phases.finish();
    }
  }
}
