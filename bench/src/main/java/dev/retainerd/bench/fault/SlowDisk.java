package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.LoopDisk;

/** The disk takes a few writes in a second only, as a dying one does. */
final class SlowDisk implements Fault {
  private static final int MEGABYTES = 1_024;
  private static final int WRITES_PER_SECOND = 20;
  private static final long SLOW_MILLIS = 8_000;

  @Override
  public String name() {
    return "slow-disk";
  }

  @Override
  public String title() {
    return "the disk takes " + WRITES_PER_SECOND + " writes per second for " + SLOW_MILLIS + " ms";
  }

  @Override
  public int diskMegabytes() {
    return MEGABYTES;
  }

  @Override
  public boolean isPossible() {
    return LoopDisk.canThrottle();
  }

  @Override
  public void strike(Scene scene) throws Exception {
    LoopDisk disk = scene.disk().orElseThrow();
    disk.throttle(WRITES_PER_SECOND);
    try {
      Thread.sleep(SLOW_MILLIS);
    } finally {
      disk.throttle(0);
    }
  }
}
