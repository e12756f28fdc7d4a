package dev.retainerd.bench.scenario;

import java.util.ArrayList;
import java.util.List;

/** All stages, in the order in which a whole run goes through them. */
public final class Stages {
  private static final List<Stage> ALL =
      List.of(
          new CallStage(),
          new DurableStage(),
          new StartStage(),
          new DensityStage(),
          new ContainerStage(),
          new PodStage(),
          new ExecStage(),
          new ParallelStage(),
          new WallStage(),
          new RestartStage(),
          PullStage.big(),
          PullStage.small(),
          PullStage.many(),
          PullStage.first(),
          PullStage.firstSmall(),
          new ImportStage(),
          new LogStage(),
          new EventStage(),
          new ChurnStage(),
          new ListStage());

  private Stages() {}

  /** All of them. */
  public static List<Stage> all() {
    return ALL;
  }

  /**
   * Those of {@code names}, in the order of a whole run; all where none is named.
   *
   * @throws IllegalArgumentException with a name that no stage has
   */
  public static List<Stage> named(List<String> names) {
    List<String> unknown = new ArrayList<>(names);
    unknown.removeAll(ALL.stream().map(Stage::name).toList());
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "there is no stage "
              + unknown.getFirst()
              + "; known are "
              + String.join(", ", ALL.stream().map(Stage::name).toList()));
    }
    return ALL.stream().filter(stage -> names.isEmpty() || names.contains(stage.name())).toList();
  }
}
