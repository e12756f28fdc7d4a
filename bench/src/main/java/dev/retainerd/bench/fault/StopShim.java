package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.Processes;

/** The shim of a running container hangs, and goes on after a while. */
final class StopShim implements Fault {
  private static final long STOPPED_MILLIS = 5_000;

  @Override
  public String name() {
    return "stop-shim";
  }

  @Override
  public String title() {
    return "SIGSTOP of the shim that holds a running container, SIGCONT after "
        + STOPPED_MILLIS
        + " ms";
  }

  @Override
  public void strike(Scene scene) throws Exception {
    String shim = String.valueOf(Processes.parent(scene.victim()));
    Commands.run(5, "kill", "-STOP", shim);
    try {
      Thread.sleep(STOPPED_MILLIS);
    } finally {
      Commands.run(5, "kill", "-CONT", shim);
    }
  }
}
