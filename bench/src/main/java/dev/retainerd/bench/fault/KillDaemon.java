package dev.retainerd.bench.fault;

/** The daemon dies; containers exit while it is away; it comes back. */
final class KillDaemon implements Fault {
  private static final long AWAY_MILLIS = 2_500;

  @Override
  public String name() {
    return "kill-daemon";
  }

  @Override
  public String title() {
    return "kill -9 of the daemon, started again after " + AWAY_MILLIS + " ms";
  }

  @Override
  public void strike(Scene scene) throws Exception {
    scene.node().killDaemon();
    Thread.sleep(AWAY_MILLIS);
    scene.node().launch();
  }
}
