package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The calls that a kubelet makes all the time, on a node with a long past. The pods are stopped and
 * the containers were never started: they cost a list as much as running ones, and the node less.
 */
final class ListStage implements Stage {
  private static final int WIDTH = 4;
  private static final int CONTAINERS_PER_POD = 100;
  private static final int CALLS = 10;

  @Override
  public String name() {
    return "lists";
  }

  @Override
  public String title(Sizes sizes) {
    return "lists with " + sizes.listed() + " containers and " + sizes.listed() + " pods";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Lists(target, setting)));
    return turns;
  }

  private static final class Lists extends PodScenario {
    private final Setting setting;
    private final List<String> started = Collections.synchronizedList(new ArrayList<>());

    Lists(Target target, Setting setting) {
      super(target, setting.busybox(), new Pods(target, "lists", NamespaceMode.NODE));
      this.setting = setting;
    }

    @Override
    public void prepare() throws Exception {
      super.prepare();
      int count = setting.sizes().listed();
      AtOnce.run(
          count,
          WIDTH,
          i -> {
            String pod = pods.run(i);
            started.add(pod);
            int from = i * CONTAINERS_PER_POD;
            for (int c = from; c < Math.min(from + CONTAINERS_PER_POD, count); c++) {
              pods.create(pod, i, "c" + c, Pods.SLEEP);
            }
            pods.stopPod(pod);
          });
    }

    @Override
    public Readings round(int number) {
      Readings readings = new Readings();
      int count = setting.sizes().listed();
      for (int i = 0; i < CALLS; i++) {
        long from = System.nanoTime();
        int containers =
            pods.client()
                .cri()
                .listContainers(ListContainersRequest.getDefaultInstance())
                .getContainersCount();
        readings.addNanos("ListContainers", System.nanoTime() - from);
        from = System.nanoTime();
        int sandboxes =
            pods.client()
                .cri()
                .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
                .getItemsCount();
        readings.addNanos("ListPodSandbox", System.nanoTime() - from);
        if (containers < count || sandboxes < count) {
          throw new IllegalStateException(
              containers + " containers and " + sandboxes + " pods were listed, not " + count);
        }
      }
      return readings;
    }

    @Override
    public void close() {
      pods.endQuietly(started);
      super.close();
    }
  }
}
