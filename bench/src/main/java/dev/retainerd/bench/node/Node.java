package dev.retainerd.bench.node;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.client.UnixChannel;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxResponse;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.RemovePodSandboxRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import io.grpc.StatusRuntimeException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * A runtime of its own for the length of a run: started in a temp folder on its own socket and
 * bridge, removed with every trace at {@link #close}. For one thread.
 */
public final class Node implements Target {
  private static final long READY_MILLIS_MAX = 60_000;
  private static final long STOP_SECONDS_MAX = 20;

  private final NodeProgram program;
  private final NodeConfig config;
  private Process process;

  private Node(NodeProgram program, NodeConfig config) {
    this.program = program;
    this.config = config;
  }

  /** Starts {@code program} in a folder in /tmp; see {@link #start(NodeProgram, int, Path)}. */
  public static Node start(NodeProgram program, int number) throws NodeException {
    return start(program, number, Path.of("/tmp"));
  }

  /**
   * Starts {@code program} and waits until its socket answers.
   *
   * @param number tells nodes of one run apart, 0..9
   * @param parent its folder is made in here
   * @throws NodeException when it doesn't start; its folder is then already removed
   */
  public static Node start(NodeProgram program, int number, Path parent) throws NodeException {
    if (!Files.isExecutable(program.binary())) {
      throw new NodeException(
          program.binary() + " is not there or not executable; run ./build first");
    }
    Node node = null;
    try {
      Path folder = Traces.newFolder(parent);
      long pid = ProcessHandle.current().pid();
      String bridge = "rb" + pid % 1_000_000 + number;
      String subnet = "10." + (200 + number) + "." + pid % 250;
      String cgroup = "/retain-bench/" + pid + "-" + number;
      node = new Node(program, new NodeConfig(folder, bridge, subnet, cgroup));
      Traces.own(folder, bridge, cgroup);
      node.config.write();
      node.launch();
      return node;
    } catch (IOException e) {
      if (node != null) {
        node.close();
      }
      throw new NodeException(
          program.name()
              + " could not be prepared: "
              + e.getMessage()
              + "; is "
              + parent
              + " writable?",
          e);
    } catch (NodeException e) {
      node.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return program.name();
  }

  @Override
  public Path folder() {
    return config.folder();
  }

  @Override
  public Path socket() {
    return config.socket();
  }

  @Override
  public String cgroup() {
    return config.cgroup();
  }

  @Override
  public OptionalLong daemon() {
    return OptionalLong.of(process.pid());
  }

  @Override
  public Optional<Node> own() {
    return Optional.of(this);
  }

  /** Its network interface. */
  public String bridge() {
    return config.bridge();
  }

  /**
   * Starts the daemon, again perhaps, and returns the time from exec to the first answer, in ns.
   */
  public long launch() throws NodeException {
    long started = System.nanoTime();
    Path log = config.folder().resolve("daemon.log");
    try {
      process =
          new ProcessBuilder(
                  program.binary().toString(),
                  "--config",
                  config.folder().resolve("config.toml").toString())
              .directory(config.folder().toFile())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .redirectInput(new File("/dev/null"))
              .start();
    } catch (IOException e) {
      throw new NodeException(program.binary() + " can't be started: " + e.getMessage(), e);
    }
    awaitReady(started, log);
    return System.nanoTime() - started;
  }

  private void awaitReady(long started, Path log) throws NodeException {
    long deadline = started + TimeUnit.MILLISECONDS.toNanos(READY_MILLIS_MAX);
    while (System.nanoTime() < deadline) {
      if (!process.isAlive()) {
        throw new NodeException(
            program.name() + " ended with exit code " + process.exitValue() + ": " + lastLine(log));
      }
      if (UnixChannel.listens(config.socket())) {
        try (RuntimeClient client = connect()) {
          if (client.isReady(2_000)) {
            return;
          }
        }
      }
      pause(5);
    }
    throw new NodeException(
        program.name()
            + " did not answer on "
            + config.socket()
            + " within "
            + READY_MILLIS_MAX / 1000
            + " s: "
            + lastLine(log));
  }

  /** kill -9 of the daemon alone; returns when it is gone. */
  public void killDaemon() throws NodeException {
    process.destroyForcibly();
    await(process, "SIGKILL");
  }

  /** SIGTERM; returns when it is gone. */
  public void stopDaemon() throws NodeException {
    process.destroy();
    await(process, "SIGTERM");
  }

  @Override
  public void provideImage(Path busybox, String namespace) throws NodeException {
    Images.importBusybox(this, busybox, namespace);
  }

  /** Every process of its folder but the daemon. */
  @Override
  public List<Long> shims() {
    return Processes.withCommandLine(config.folder().toString()).stream()
        .filter(pid -> process == null || pid != process.pid())
        .toList();
  }

  /** Ends every process of the node and removes its mounts, its bridge and its folder. */
  @Override
  public void close() {
    if (process != null) {
      removePods();
      process.destroy();
      try {
        if (!process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
    Traces.remove(config.folder(), config.bridge(), config.cgroup(), true);
  }

  /**
   * What a failed scenario left: only the runtime itself can give addresses and namespaces back.
   */
  private void removePods() {
    try (RuntimeClient client = connect()) {
      ListPodSandboxResponse pods =
          client.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
      for (PodSandbox pod : pods.getItemsList()) {
        client
            .cri()
            .stopPodSandbox(
                StopPodSandboxRequest.newBuilder().setPodSandboxId(pod.getId()).build());
        client
            .cri()
            .removePodSandbox(
                RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod.getId()).build());
      }
    } catch (StatusRuntimeException e) {
      System.err.println(
          "retain-bench: pods of " + name() + " could not be removed: " + e.getMessage());
    }
  }

  private static void await(Process process, String signal) throws NodeException {
    try {
      if (!process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        throw new NodeException("process " + process.pid() + " did not end after " + signal);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NodeException("interrupted while process " + process.pid() + " ended", e);
    }
  }

  private static void pause(long millis) throws NodeException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NodeException("interrupted while a runtime started", e);
    }
  }

  private static String lastLine(Path log) {
    try {
      List<String> lines = Files.readAllLines(log);
      return lines.isEmpty() ? "it printed nothing" : lines.getLast();
    } catch (IOException e) {
      return "its log can't be read";
    }
  }
}
