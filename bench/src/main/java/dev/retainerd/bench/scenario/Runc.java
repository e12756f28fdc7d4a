package dev.retainerd.bench.scenario;

import dev.retainerd.bench.client.ContainerSpec;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * runc without any runtime above it: what no runtime that uses runc can be faster than. Safe for
 * use by many threads, each with ids of its own.
 */
final class Runc {
  /** The name that reports show. */
  static final String NAME = "runc alone";

  private static final int SECONDS_MAX = 60;

  private final Path folder;
  private final Path rootfs;
  private final String cgroup;

  /** State and bundles lie below {@code folder}. */
  Runc(Setting setting) {
    this.folder = setting.folder();
    this.rootfs = setting.rootfs();
    this.cgroup = "/retain-bench/" + ProcessHandle.current().pid() + "-runc";
  }

  /** Makes a bundle; what a runtime does before it calls runc is no part of the floor. */
  void prepare(String id, List<String> args) throws IOException {
    Path bundle = Files.createDirectories(folder.resolve("bundle-" + id));
    String spec =
        ContainerSpec.json(args, cgroup + "/" + id)
            .replace("\"path\":\"rootfs\"", "\"path\":\"" + rootfs + "\",\"readonly\":true");
    Files.writeString(bundle.resolve("config.json"), spec);
  }

  /** {@code runc create}. */
  void create(String id) throws NodeException {
    Path bundle = folder.resolve("bundle-" + id);
    runc(
        "create",
        "--bundle",
        bundle.toString(),
        "--pid-file",
        bundle.resolve("pid").toString(),
        id);
  }

  /** {@code runc start}. */
  void start(String id) throws NodeException {
    runc("start", id);
  }

  /** {@code runc exec}. */
  void exec(String id, String program) throws NodeException {
    runc("exec", id, program);
  }

  /**
   * The container is no child of ours, so that nobody tells us: look, as often as a tick allows.
   */
  void awaitExit(String id) throws IOException, InterruptedException {
    long pid = Long.parseLong(Files.readString(folder.resolve("bundle-" + id + "/pid")).strip());
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (Processes.runs(pid)) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("process " + pid + " did not end in " + SECONDS_MAX + " s");
      }
      TimeUnit.MICROSECONDS.sleep(200);
    }
  }

  /** {@code runc delete --force}. */
  void delete(String id) throws NodeException {
    runc("delete", "--force", id);
  }

  private void runc(String... arguments) throws NodeException {
    String[] command = new String[arguments.length + 3];
    command[0] = "runc";
    command[1] = "--root";
    command[2] = folder.resolve("runc").toString();
    System.arraycopy(arguments, 0, command, 3, arguments.length);
    Commands.run(SECONDS_MAX, command);
  }
}
