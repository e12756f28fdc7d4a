package dev.retainerd.bench.scenario;

import dev.retainerd.bench.node.Target;
import java.nio.file.Path;

/** Pods of one target, over CRI, which has their image from the beginning. */
abstract class PodScenario implements Scenario {
  final Target target;
  final Pods pods;
  private final Path busybox;

  PodScenario(Target target, Path busybox, Pods pods) {
    this.target = target;
    this.busybox = busybox;
    this.pods = pods;
  }

  @Override
  public String target() {
    return target.name();
  }

  @Override
  public void prepare() throws Exception {
    target.provideImage(busybox, "k8s.io");
  }

  @Override
  public void close() {
    pods.close();
  }
}
