package dev.retainerd.bench.node;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.image.OciArchive;
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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A runtime of its own for the length of a run: started in a temp folder on its own socket and
 * bridge, removed with every trace at {@link #close}. For one thread.
 */
public final class Node implements AutoCloseable {
  private static final long READY_MILLIS_MAX = 60_000;
  private static final long STOP_SECONDS_MAX = 20;

  /** The containerd namespace that benchmarks work in; CRI has its own, {@code k8s.io}. */
  public static final String NAMESPACE = "retain-bench";

  private final NodeProgram program;
  private final NodeConfig config;
  private Process process;

  private Node(NodeProgram program, NodeConfig config) {
    this.program = program;
    this.config = config;
  }

  /**
   * Starts {@code program} and waits until its socket answers.
   *
   * @param number tells nodes of one run apart, 0..9
   * @throws NodeException when it doesn't start; its folder is then already removed
   */
  public static Node start(NodeProgram program, int number) throws NodeException {
    if (!Files.isExecutable(program.binary())) {
      throw new NodeException(
          program.binary() + " is not there or not executable; run ./build first");
    }
    Node node = null;
    try {
      Path folder =
          Files.createTempDirectory(
              Path.of("/tmp"),
              "retain-bench-",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      long pid = ProcessHandle.current().pid();
      String bridge = "rb" + pid % 1_000_000 + number;
      String subnet = "10." + (200 + number) + "." + pid % 250;
      node = new Node(program, new NodeConfig(folder, bridge, subnet));
      node.config.write();
      node.launch();
      return node;
    } catch (IOException e) {
      if (node != null) {
        node.close();
      }
      throw new NodeException(
          program.name() + " could not be prepared: " + e.getMessage() + "; is /tmp writable?", e);
    } catch (NodeException e) {
      node.close();
      throw e;
    }
  }

  /** The name that reports show. */
  public String name() {
    return program.name();
  }

  /** Everything of the node lies here. */
  public Path folder() {
    return config.folder();
  }

  /** Its socket. */
  public Path socket() {
    return config.socket();
  }

  /** A new client; the caller closes it. */
  public RuntimeClient connect() {
    return new RuntimeClient(config.socket(), NAMESPACE);
  }

  /** The daemon's process: a launcher's shell has by then replaced itself. */
  public long pid() {
    return process.pid();
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
      if (Files.exists(config.socket())) {
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

  /** Imports the busybox image into {@code namespace} by means of the host's ctr. */
  public void importImage(Path busybox, String namespace) throws NodeException {
    Path archive = config.folder().resolve("busybox.tar");
    try {
      if (!Files.exists(archive)) {
        OciArchive.write(busybox, NodeConfig.PAUSE_IMAGE, archive);
      }
    } catch (IOException e) {
      throw new NodeException("the image can't be made from " + busybox + ": " + e.getMessage(), e);
    }
    Commands.run(
        60,
        "ctr",
        "--address",
        config.socket().toString(),
        "--namespace",
        namespace,
        "images",
        "import",
        archive.toString());
  }

  /** The image that {@link #importImage} brings. */
  public static String image() {
    return NodeConfig.PAUSE_IMAGE;
  }

  /** Shims of this node: every process of its folder but the daemon. */
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
    for (int attempt = 0; attempt < 5 && killRest(); attempt++) {
      pauseQuietly(50);
    }
    Mounts.unmountBelow(config.folder());
    Commands.runQuietly("ip", "link", "delete", config.bridge());
    removeCgroups();
    deleteFolder(config.folder());
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

  /** Empty groups only: the kernel refuses to remove what another run still uses. */
  private static void removeCgroups() {
    File[] hierarchies = new File("/sys/fs/cgroup").listFiles(File::isDirectory);
    Stream<Path> roots =
        Stream.concat(
            Stream.of(Path.of("/sys/fs/cgroup/retain-bench")),
            Stream.of(hierarchies == null ? new File[0] : hierarchies)
                .map(hierarchy -> hierarchy.toPath().resolve("retain-bench")));
    roots.filter(Files::isDirectory).forEach(Node::removeGroup);
  }

  private static void removeGroup(Path group) {
    File[] below = group.toFile().listFiles(File::isDirectory);
    if (below != null) {
      Stream.of(below).forEach(child -> removeGroup(child.toPath()));
    }
    group.toFile().delete();
  }

  /** Kills what still runs; true when there was something. */
  private boolean killRest() {
    List<Long> rest =
        Stream.concat(
                Processes.withCommandLine(config.folder().toString()).stream(),
                Processes.withMountsOf(config.folder()).stream())
            .distinct()
            .toList();
    rest.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    return !rest.isEmpty();
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

  private static void pauseQuietly(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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

  private static void deleteFolder(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException | java.io.UncheckedIOException e) {
      System.err.println("retain-bench: " + folder + " could not be removed: " + e.getMessage());
    }
  }
}
