package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * kill -9 of the daemon with pods running, then the time from its start to the first answer and to
 * all containers listed as running.
 */
final class RestartStage implements Stage {
  private static final int WIDTH = 4;
  private static final long REATTACH_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);
  private static final long POLL_MILLIS = 2;

  @Override
  public String name() {
    return "restart";
  }

  @Override
  public String title(Sizes sizes) {
    return "kill -9 of the daemon with " + sizes.pods() + " pods, and its start";
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
    for (Target target : setting.targets()) {
      target
          .own()
          .ifPresent(
              node -> turns.add(new Restart(node, setting.busybox(), setting.sizes().pods())));
    }
    return turns;
  }

  private static final class Restart extends PodScenario {
    private final Node node;
    private final int count;
    private final List<String> started = new ArrayList<>();

    Restart(Node node, Path busybox, int count) {
      super(node, busybox, new Pods(node, "restart"));
      this.node = node;
      this.count = count;
    }

    @Override
    public void prepare() throws Exception {
      super.prepare();
      String[] ids = new String[count];
      AtOnce.run(count, WIDTH, i -> ids[i] = pods.sleeping(i));
      started.addAll(List.of(ids));
    }

    @Override
    public Readings round(int number) throws Exception {
      node.killDaemon();
      Phases phases = new Phases();
      node.launch();
      phases.lap("ready");
      long deadline = System.nanoTime() + REATTACH_NANOS_MAX;
      try (RuntimeClient client = node.connect()) {
        for (long found = running(client); found < count; found = running(client)) {
          if (System.nanoTime() > deadline) {
            throw new IllegalStateException(
                "only " + found + " of " + count + " containers were listed after 60 s");
          }
          Thread.sleep(POLL_MILLIS);
        }
      }
      phases.lap("all listed after it");
      return phases.finish();
    }

    private static long running(RuntimeClient client) {
      return client
          .cri()
          .listContainers(ListContainersRequest.getDefaultInstance())
          .getContainersList()
          .stream()
          .filter(container -> container.getState() == ContainerState.CONTAINER_RUNNING)
          .count();
    }

    @Override
    public void close() {
      pods.endQuietly(started);
      super.close();
    }
  }
}
