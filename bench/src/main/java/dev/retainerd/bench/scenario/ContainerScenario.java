package dev.retainerd.bench.scenario;

import dev.retainerd.bench.node.Target;
import java.nio.file.Path;

/** Containers of one target, over containerd's API. */
abstract class ContainerScenario implements Scenario {
  final Target target;
  final Containers containers;

  ContainerScenario(Target target, Path rootfs) {
    this.target = target;
    this.containers = new Containers(target, rootfs);
  }

  @Override
  public String target() {
    return target.name();
  }

  @Override
  public void close() {
    containers.close();
  }
}
