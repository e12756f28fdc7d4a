package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.Target;
import java.util.ArrayList;
import java.util.List;

/** From exec of the daemon to the first answer on its socket, after an orderly end, no pods. */
final class StartStage implements Stage {
  @Override
  public String name() {
    return "start";
  }

  @Override
  public String title(Sizes sizes) {
    return "exec of the daemon to the first answer, no pods";
  }

  @Override
  public int rounds(Sizes sizes) {
    return sizes.kills();
  }

  @Override
  public int warmUp(Sizes sizes) {
    return 1;
  }

  @Override
  public boolean needsOwnNodes() {
    return true;
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().stream()
        .map(Target::own)
        .forEach(node -> node.ifPresent(own -> turns.add(new Start(own))));
    return turns;
  }

  private record Start(Node node) implements Scenario {
    @Override
    public String target() {
      return node.name();
    }

    @Override
    public Readings round(int number) throws Exception {
      long started = System.nanoTime();
      node.stopDaemon();
      long stopped = System.nanoTime();
      return new Readings()
          .addNanos("ready", node.launch())
          .addNanos("SIGTERM to its end", stopped - started);
    }
  }
}
