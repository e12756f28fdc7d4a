package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.Processes;

/** The shim of a running container dies. */
final class KillShim implements Fault {
  @Override
  public String name() {
    return "kill-shim";
  }

  @Override
  public String title() {
    return "kill -9 of the shim that holds a running container";
  }

  @Override
  public void strike(Scene scene) throws Exception {
    Commands.run(5, "kill", "-KILL", String.valueOf(Processes.parent(scene.victim())));
  }
}
