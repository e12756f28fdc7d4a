package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.LoopDisk;

/** The disk with everything on it, logs too, is full for a while. */
final class FullDisk implements Fault {
  private static final int MEGABYTES = 1_024;
  private static final long FULL_MILLIS = 5_000;

  @Override
  public String name() {
    return "full-disk";
  }

  @Override
  public String title() {
    return "no byte left on the disk of root, state and logs for " + FULL_MILLIS + " ms";
  }

  @Override
  public int diskMegabytes() {
    return MEGABYTES;
  }

  @Override
  public void strike(Scene scene) throws Exception {
    LoopDisk disk = scene.disk().orElseThrow();
    disk.fill();
    try {
      Thread.sleep(FULL_MILLIS);
    } finally {
      disk.empty();
    }
  }
}
