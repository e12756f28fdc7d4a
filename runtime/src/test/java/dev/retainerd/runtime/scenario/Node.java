package dev.retainerd.runtime.scenario;

import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.cri.v1.ImageServiceGrpc;
import dev.retainerd.wire.cri.v1.ReopenContainerLogRequest;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.cri.v1.VersionRequest;
import dev.retainerd.wire.history.v1.EventsGrpc;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A node of its own for one scenario: dist/bin/retainerd on a temp folder, with its own socket,
 * bridge, addresses and cgroups. It is started, killed, started again and asked by real clients;
 * {@link #close} removes every trace and fails when the daemon left one. For one thread.
 */
final class Node implements AutoCloseable {
  static final Path DIST = Path.of("..", "dist").toAbsolutePath().normalize();

  /** The image that {@link #importImage} brings: a static busybox. */
  static final String IMAGE = "docker.io/retain/busybox:1";

  /** Longer than any single call of a scenario may take. */
  private static final int CALL_SECONDS = 60;

  private static final Duration START_PATIENCE = Duration.ofSeconds(30);
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(20);
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Path folder;
  private final String name;
  private final String subnet;
  private List<String> wrapper = List.of();
  private Process daemon;
  private UnixChannels channels;

  private Node() throws IOException {
    long number = ProcessHandle.current().pid() % 10_000 * 100 + NUMBER.incrementAndGet() % 100;
    folder = Files.createTempDirectory(Path.of("/tmp"), "retainerd-scenario-");
    // As /run and /var/lib are: the root of a user namespace goes through to its own.
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    name = "rs" + number;
    subnet = "10." + (64 + number / 250 % 60) + "." + number % 250;
  }

  /** A node whose daemon is not started yet; its configuration is there to be changed. */
  static Node prepared() {
    try {
      Node node = new Node();
      node.writeConfiguration();
      return node;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A node whose daemon answers. */
  static Node started() {
    Node node = prepared();
    try {
      node.start();
    } catch (AssertionError e) {
      node.removeAll();
      throw e;
    }
    return node;
  }

  Path folder() {
    return folder;
  }

  Path root() {
    return folder.resolve("root");
  }

  Path state() {
    return folder.resolve("state");
  }

  Path socket() {
    return folder.resolve("retainerd.sock");
  }

  Path config() {
    return folder.resolve("config.toml");
  }

  /** Adds to the configuration of a node that is not started yet. */
  void configure(String more) throws IOException {
    Files.writeString(config(), "\n" + more, StandardOpenOption.APPEND);
  }

  /** Has the pods of a runtime handler run by a binary of its own; "runc" is the usual handler. */
  void runWith(String handler, Path binary) throws IOException {
    configure(
        """
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%1$s]
          runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%1$s.options]
            BinaryName = "%2$s"
        """
            .formatted(handler, binary));
  }

  /** An executable file in a folder. */
  static Path script(Path folder, String name, String text) throws IOException {
    Path script = Files.writeString(folder.resolve(name), text);
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    return script;
  }

  Path pods() {
    return folder.resolve("pods");
  }

  /** Name of the bridge, of the parent cgroup of pods, and of the containerd namespace for ctr. */
  String name() {
    return name;
  }

  String subnet() {
    return subnet;
  }

  long daemonPid() {
    return daemon.pid();
  }

  /**
   * Starts the daemon and waits until it answers, which is what is returned, and then until it has
   * recovered: until then reads tell of the time before.
   */
  Duration start(String... javaOptions) {
    long from = System.nanoTime();
    launch(javaOptions);
    channels = UnixChannels.open(socket());
    Eventually.holds(
        "an answer of the daemon",
        START_PATIENCE,
        () -> {
          if (!daemon.isAlive()) {
            // A failpoint may end it before it answers; whoever armed one looks at isAlive.
            return javaOptions.length > 0 || died();
          }
          return answers();
        });
    Duration ready = Duration.ofNanos(System.nanoTime() - from);
    awaitRecovered(javaOptions.length > 0);
    return ready;
  }

  /** A call that changes something waits for recovery; this one then finds nothing to change. */
  private void awaitRecovered(boolean mayDie) {
    try {
      RuntimeServiceGrpc.newBlockingStub(channels.channel())
          .withDeadlineAfter(START_PATIENCE.toSeconds(), TimeUnit.SECONDS)
          .reopenContainerLog(
              ReopenContainerLogRequest.newBuilder().setContainerId("no-such-container").build());
    } catch (StatusRuntimeException e) {
      boolean died = e.getStatus().getCode() == Status.Code.UNAVAILABLE && mayDie;
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND && !died) {
        throw new AssertionError("the daemon did not recover\n" + logTail(), e);
      }
    }
  }

  /** Starts the daemon without waiting for anything. */
  Process launch(String... javaOptions) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command())
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectInput(new File("/dev/null"))
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
      builder.environment().put("RETAINERD_JAVA_OPTS", String.join(" ", javaOptions));
      daemon = builder.start();
      return daemon;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "is dist/ built? " + DIST.resolve("bin/retainerd") + " can't be started", e);
    }
  }

  private List<String> command() {
    List<String> command = new ArrayList<>(wrapper);
    command.addAll(
        List.of(DIST.resolve("bin/retainerd").toString(), "--config", config().toString()));
    return command;
  }

  /** From now on the daemon is started by this command, which gets its own as arguments. */
  void startUnder(List<String> command) {
    wrapper = command;
  }

  /** Starts the daemon as after a restart of the machine: the boot has another id. */
  void startInAnotherBoot() throws IOException {
    Path bootId = Files.writeString(folder().resolve("boot-id"), UUID.randomUUID() + "\n");
    startUnder(
        List.of(
            "unshare",
            "-m",
            "--propagation",
            "unchanged",
            "sh",
            "-c",
            "mount --make-private /proc; mount --bind "
                + bootId
                + " /proc/sys/kernel/random/boot_id; exec \"$@\"",
            "sh"));
    start();
  }

  private boolean died() {
    throw new AssertionError("the daemon ended with code " + daemon.exitValue() + "\n" + logTail());
  }

  boolean answers() {
    if (!listens()) {
      return false;
    }
    try {
      RuntimeServiceGrpc.newBlockingStub(channels.channel())
          .withDeadlineAfter(2, TimeUnit.SECONDS)
          .version(VersionRequest.getDefaultInstance());
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /**
   * Not by its file, which a killed daemon leaves: a gRPC channel that was refused once waits a
   * second before it tries again, and a start would seem to take that long.
   */
  private boolean listens() {
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
      return probe.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /** SIGKILL, as a power cut of this one process. */
  void killDaemon() {
    daemon.destroyForcibly();
    awaitDaemonEnd();
  }

  /** SIGTERM, and its orderly end; the exit code. */
  int stopDaemon() {
    daemon.destroy();
    awaitDaemonEnd();
    return daemon.exitValue();
  }

  /** Waits for an end that somebody else caused, such as a failpoint. */
  void awaitDaemonEnd() {
    Eventually.holds("the end of the daemon", STOP_PATIENCE, () -> !daemon.isAlive());
    if (channels != null) {
      channels.close();
      channels = null;
    }
  }

  /** The daemon's exit code; 128 + signal where one ended it. */
  int exitCode() {
    return daemon.exitValue();
  }

  /** Calls of CRI, each with a deadline. */
  RuntimeServiceGrpc.RuntimeServiceBlockingStub cri() {
    return RuntimeServiceGrpc.newBlockingStub(channels.channel())
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** CRI's calls for images. */
  ImageServiceGrpc.ImageServiceBlockingStub images() {
    return ImageServiceGrpc.newBlockingStub(channels.channel())
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's calls for tasks in {@code namespace}. */
  TasksGrpc.TasksBlockingStub tasks(String namespace) {
    return TasksGrpc.newBlockingStub(channels.inNamespace(namespace))
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's calls for containers in {@code namespace}. */
  ContainersGrpc.ContainersBlockingStub containers(String namespace) {
    return ContainersGrpc.newBlockingStub(channels.inNamespace(namespace))
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** The node's own history, from any event on. */
  EventsGrpc.EventsBlockingStub history() {
    return EventsGrpc.newBlockingStub(channels.channel())
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** The connection itself, for calls that are made in a way of their own. */
  Channel channel() {
    return channels.channel();
  }

  /** The real ctr in our namespace of {@link #name}. */
  Host.Output ctr(String... arguments) {
    return ctrIn(name, arguments);
  }

  /** The real ctr in any namespace. */
  Host.Output ctrIn(String namespace, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of("ctr", "--address", socket().toString(), "--namespace", namespace));
    command.addAll(List.of(arguments));
    return Host.run(CALL_SECONDS, command);
  }

  /** retainctl, against our socket. */
  Host.Output retainctl(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(DIST.resolve("bin/retainctl").toString(), "--address", socket().toString()));
    command.addAll(List.of(arguments));
    return Host.run(CALL_SECONDS, command);
  }

  /** rewind; its arguments begin with a verb. */
  Host.Output rewind(String... arguments) {
    List<String> command = new ArrayList<>(List.of(DIST.resolve("bin/rewind").toString()));
    command.addAll(List.of(arguments));
    return Host.run(CALL_SECONDS, command);
  }

  /** The archive of {@link #IMAGE}; the same one for all nodes, made when one first asks for it. */
  Path archive() {
    return Archive.MADE;
  }

  private static final class Archive {
    static final Path MADE = made();

    private static Path made() {
      try {
        Path archive = Files.createTempFile("retainerd-busybox-", ".tar");
        archive.toFile().deleteOnExit();
        Host.run(
                CALL_SECONDS,
                List.of(
                    DIST.resolve("bin/retain-bench").toString(),
                    "image",
                    "--busybox",
                    busybox().toString(),
                    archive.toString()))
            .expectSuccess();
        return archive;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** A busybox that needs no libraries. */
  static Path busybox() {
    Path unpacked = Path.of("..", "target", "busybox", "bin", "busybox");
    return Files.exists(unpacked) ? unpacked.toAbsolutePath().normalize() : Path.of("/bin/busybox");
  }

  /** Imports {@link #IMAGE} by means of the real ctr. */
  void importImage(String namespace) {
    ctrIn(namespace, "images", "import", archive().toString()).expectSuccess();
  }

  Path log() {
    return folder.resolve("daemon.log");
  }

  String logTail() {
    try {
      List<String> lines = Files.readAllLines(log(), StandardCharsets.UTF_8);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    } catch (IOException e) {
      return "(no log: " + e.getMessage() + ")";
    }
  }

  private void writeConfiguration() throws IOException {
    Files.createDirectories(pods());
    Path network = Files.createDirectories(folder.resolve("net.d"));
    boolean upstream = Files.isExecutable(Path.of("/opt/cni/bin/bridge"));
    Files.writeString(
        config(),
        """
        version = 2
        root = "%1$s/root"
        state = "%1$s/state"

        [grpc]
          address = "%1$s/retainerd.sock"

        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "%2$s"

          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "%3$s"
            conf_dir = "%4$s"
        """
            .formatted(folder, IMAGE, upstream ? "/opt/cni/bin" : "/usr/lib/cni", network));
    Files.writeString(
        network.resolve("10-scenario.conflist"),
        """
        {"cniVersion": "0.4.0", "name": "%1$s", "plugins": [
          {"type": "bridge", "bridge": "%1$s", "isGateway": true,
           "ipam": {"type": "host-local", "dataDir": "%3$s/ipam",
                    "ranges": [[{"subnet": "%2$s.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
          {"type": "portmap", "capabilities": {"portMappings": true}}]}
        """
            .formatted(name, subnet, folder));
  }

  /** Everything of this node that is still there; empty when the daemon cleaned up after itself. */
  List<String> remains() {
    return Remains.of(this);
  }

  /** Fails unless every container, pod and daemon of the node is gone without a trace. */
  void expectNothingLeft() {
    Eventually.holds(
        "nothing left of " + folder + ", but: " + remains(),
        STOP_PATIENCE,
        () -> remains().isEmpty());
  }

  @Override
  public void close() {
    removeAll();
  }

  private void removeAll() {
    if (channels != null) {
      channels.close();
      channels = null;
    }
    if (daemon != null) {
      daemon.destroyForcibly();
    }
    Remains.removeAll(this);
    Host.keepersFor(folder).forEach(Host::kill9);
  }
}
