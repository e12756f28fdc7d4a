package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.ContainerSpec;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.Processes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The same container by runc alone: what no runtime that uses runc can be faster than. */
public final class RuncFloor implements Scenario {
  private static final int SECONDS_MAX = 30;

  private final Path folder;
  private final Path rootfs;

  /** Bundles are made below {@code folder}. */
  public RuncFloor(Path folder, Path rootfs) {
    this.folder = folder;
    this.rootfs = rootfs;
  }

  @Override
  public String target() {
    return "runc alone";
  }

  @Override
  public void prepare() throws Exception {
    Files.createDirectories(folder.resolve("runc"));
  }

  @Override
  public Map<String, Long> round(int number) throws Exception {
    String id = "bench-" + ProcessHandle.current().pid() + "-" + number;
    String state = folder.resolve("runc").toString();
    Path bundle = Files.createDirectories(folder.resolve("bundle"));
    Path pidFile = bundle.resolve("pid");
    String spec =
        ContainerSpec.json(List.of("/bin/true"), "/retain-bench/" + id)
            .replace("\"path\":\"rootfs\"", "\"path\":\"" + rootfs + "\",\"readonly\":true");
    Files.writeString(bundle.resolve("config.json"), spec);
    Phases phases = new Phases();
    Commands.run(
        SECONDS_MAX,
        "runc",
        "--root",
        state,
        "create",
        "--bundle",
        bundle.toString(),
        "--pid-file",
        pidFile.toString(),
        id);
    phases.lap("create task");
    long pid = Long.parseLong(Files.readString(pidFile).strip());
    Commands.run(SECONDS_MAX, "runc", "--root", state, "start", id);
    phases.lap("start");
    awaitExit(pid);
    phases.lap("exit");
    Commands.run(SECONDS_MAX, "runc", "--root", state, "delete", "--force", id);
    phases.lap("delete");
    return phases.finish();
  }

  /**
   * The container is no child of ours, so that nobody tells us: look, as often as a tick allows.
   */
  private static void awaitExit(long pid) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (Processes.runs(pid)) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("process " + pid + " did not end in " + SECONDS_MAX + " s");
      }
      TimeUnit.MICROSECONDS.sleep(200);
    }
  }

  @Override
  public void close() {}
}
