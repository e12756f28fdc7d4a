package dev.retainerd.bench.scenario;

import com.google.common.util.concurrent.ListenableFuture;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** create, start, exit, delete of a container that runs {@code true}, over containerd's API. */
final class ContainerStage implements Stage {
  private static final List<String> TRUE = List.of("/bin/true");

  @Override
  public String name() {
    return "containers";
  }

  @Override
  public String title(Sizes sizes) {
    return "container life cycle over containerd's API";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Life(target, setting.rootfs())));
    turns.add(new Floor(new Runc(setting)));
    return turns;
  }

  private static final class Life extends ContainerScenario {
    Life(Target target, Path rootfs) {
      super(target, rootfs);
    }

    @Override
    public Readings round(int number) throws Exception {
      String id = Containers.id("life", number);
      Rested.await();
      Phases phases = new Phases();
      containers.create(id, TRUE);
      phases.lap("create container");
      containers.createTask(id);
      phases.lap("create task");
      ListenableFuture<WaitResponse> exit = containers.start(id);
      phases.lap("start");
      Containers.awaitSuccess(id, exit);
      phases.lap("exit");
      containers.deleteTask(id);
      containers.delete(id);
      phases.lap("delete");
      return phases.finish();
    }
  }

  private record Floor(Runc runc) implements RuncFloor {
    @Override
    public Readings round(int number) throws Exception {
      String id = Containers.id("floor", number);
      runc.prepare(id, TRUE);
      Rested.await();
      Phases phases = new Phases();
      runc.create(id);
      phases.lap("create task");
      runc.start(id);
      phases.lap("start");
      runc.awaitExit(id);
      phases.lap("exit");
      runc.delete(id);
      phases.lap("delete");
      return phases.finish();
    }
  }
}
