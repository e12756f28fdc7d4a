package dev.retainerd.shim;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.protocol.ShimClient;
import dev.retainerd.shim.protocol.TaskClient;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.retain.AdoptOutcome;
import dev.retainerd.shim.wire.retain.AdoptRequest;
import dev.retainerd.shim.wire.retain.BundleRef;
import dev.retainerd.shim.wire.runc.Options;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.DeleteResponse;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.KillRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.WaitRequest;
import dev.retainerd.shim.wire.task.WaitResponse;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real shim process, real runc and busybox, in a folder of their own that is removed at the end.
 */
final class ShimHarness implements AutoCloseable {
  /** Number of that system call on x86-64. */
  private static final int OPENAT = 257;

  static final Duration PATIENCE = Duration.ofSeconds(60);
  static final String NAMESPACE = "test";
  private static final String BUSYBOX = "/bin/busybox";

  final Path root;
  private final List<Path> bundles = new ArrayList<>();
  private int shims;
  Process process;
  TtrpcClient connection;
  TaskClient tasks;
  ShimClient shim;

  private final List<String> program;

  /** Goes before the shim's command, such as another mount namespace. */
  private final List<String> before;

  /** Options of {@code serve} beside the usual ones. */
  private final List<String> options;

  ShimHarness() throws Exception {
    this(List.of(), List.of());
  }

  ShimHarness(List<String> before, List<String> options) throws Exception {
    this(javaCommand(), before, options);
  }

  /**
   * @param program what is started: this module's classes, or the shim in dist/
   */
  ShimHarness(List<String> program, List<String> before, List<String> options) throws Exception {
    this.program = program;
    this.before = before;
    this.options = options;
    root = Files.createTempDirectory("shim-test-");
    startShim();
  }

  void startShim() throws Exception {
    Path folder = root.resolve("shim" + shims++);
    Path socket = folder.resolve("sock");
    Files.createDirectories(folder);
    List<String> command = new ArrayList<>(before);
    command.addAll(program);
    command.addAll(
        List.of(
            "serve",
            "--id",
            "s" + shims,
            "--dir",
            folder.toString(),
            "--socket",
            socket.toString(),
            "--runtime-root",
            root.resolve("runc").toString(),
            "--undelivered",
            root.resolve("undelivered").toString()));
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        connection = TtrpcClient.connect(socket, () -> {});
        break;
      } catch (IOException e) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          throw new IOException(Files.readString(folder.resolve("log")), e);
        }
        Thread.sleep(5);
      }
    }
    tasks = new TaskClient(connection, NAMESPACE);
    shim = new ShimClient(connection);
  }

  static List<String> javaCommand() {
    return List.of(
        ProcessHandle.current().info().command().orElse("java"),
        "-XX:+UseSerialGC",
        "-Xmx16m",
        "-Xss256k",
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-cp",
        System.getProperty("java.class.path"),
        "dev.retainerd.shim.ShimMain");
  }

  /** As the kernel would have it: no signal handler, no farewell. */
  void killShim() throws Exception {
    process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    connection.close();
  }

  Path bundle(String id, String... arguments) throws IOException {
    Path bundle = root.resolve("bundles").resolve(id);
    Path rootfs = bundle.resolve("rootfs");
    Files.createDirectories(rootfs.resolve("bin"));
    Files.createDirectories(rootfs.resolve("proc"));
    Files.createDirectories(rootfs.resolve("dev"));
    Files.createDirectories(rootfs.resolve("tmp"));
    Files.copy(Path.of(BUSYBOX), rootfs.resolve("bin/busybox"));
    for (String applet :
        List.of(
            "sh", "echo", "sleep", "cat", "true", "false", "yes", "head", "stty", "kill", "seq",
            "tail")) {
      Files.createSymbolicLink(rootfs.resolve("bin").resolve(applet), Path.of("busybox"));
    }
    Files.writeString(bundle.resolve("config.json"), config(id, false, arguments));
    bundles.add(bundle);
    return bundle;
  }

  String config(String id, boolean terminal, String... arguments) {
    return "{\"ociVersion\":\"1.0.2\",\"process\":"
        + processJson(terminal, arguments)
        + ",\"root\":{\"path\":\"rootfs\"},\"mounts\":["
        + "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
        + "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]},"
        + "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]}"
        + "],\"linux\":{\"cgroupsPath\":\"/"
        + group(id)
        + "\",\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"mount\"}]}}";
  }

  static String processJson(boolean terminal, String... arguments) {
    StringBuilder args = new StringBuilder();
    for (String one : arguments) {
      args.append(args.isEmpty() ? "" : ",")
          .append('"')
          .append(one.replace("\\", "\\\\").replace("\"", "\\\""))
          .append('"');
    }
    return "{\"terminal\":"
        + terminal
        + ",\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"env\":[\"PATH=/bin\"],\"args\":["
        + args
        + "]}";
  }

  CreateTaskRequest.Builder request(String id, Path bundle) {
    return request(id, bundle, "runc");
  }

  /** With the runtime of that name or path. */
  CreateTaskRequest.Builder request(String id, Path bundle, String runtime) {
    return CreateTaskRequest.newBuilder()
        .setId(id)
        .setBundle(bundle.toString())
        .setOptions(
            Any.newBuilder()
                .setTypeUrl("containerd.runc.v1.Options")
                .setValue(Options.newBuilder().setBinaryName(runtime).build().toByteString()));
  }

  /** An executable script in our folder. */
  Path script(String name, String text) throws IOException {
    Path script = root.resolve(name);
    Files.writeString(script, "#!/bin/sh\n" + text + "\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    return script;
  }

  void start(String id) throws TtrpcException {
    tasks.start(StartRequest.newBuilder().setId(id).build(), PATIENCE);
  }

  /** What the kernel still runs of a container; empty when nothing is left of it. */
  static List<String> leftOf(String id) throws IOException {
    List<String> left = new ArrayList<>();
    File[] hierarchies = new File("/sys/fs/cgroup").listFiles(File::isDirectory);
    for (File hierarchy : hierarchies == null ? new File[0] : hierarchies) {
      File group = new File(hierarchy, group(id));
      if (group.isDirectory()) {
        left.add(group + ": " + Files.readString(group.toPath().resolve("cgroup.procs")).strip());
      }
    }
    return left;
  }

  /** Where the processes of a container are frozen and thawed, in cgroup v1. */
  static Path freezerOf(String id) {
    return Path.of("/sys/fs/cgroup/freezer", group(id), "freezer.state");
  }

  private static String group(String id) {
    return "shim-test-" + ProcessHandle.current().pid() + "/" + id;
  }

  private Stream<ProcessHandle> childrenToldOf(String file) {
    return process
        .children()
        .filter(
            child ->
                child.info().arguments().stream()
                    .flatMap(Stream::of)
                    .anyMatch(argument -> argument.endsWith("/" + file)));
  }

  /** Whether the shim has a child that was told of a file. */
  boolean hasChild(String file) {
    return childrenToldOf(file).findAny().isPresent();
  }

  /** Whether such a child waits in opening a file, which a FIFO is that nobody else has open. */
  boolean childOpens(String file) {
    return childrenToldOf(file)
        .anyMatch(
            child -> {
              try {
                Path call = Path.of("/proc", Long.toString(child.pid()), "syscall");
                return Files.readString(call).startsWith(OPENAT + " ");
              } catch (IOException e) {
                // It has ended.
                return false;
              }
            });
  }

  /** Creates and starts a container that logs to {@code log} in the CRI format. */
  Path run(String id, String... arguments) throws Exception {
    Path bundle = bundle(id, arguments);
    Path log = bundle.resolve("out.log");
    String destination = "cri://" + log;
    tasks.create(
        request(id, bundle).setStdout(destination).setStderr(destination).build(), PATIENCE);
    tasks.start(StartRequest.newBuilder().setId(id).build(), PATIENCE);
    return log;
  }

  WaitResponse await(String id, String execId) throws Exception {
    return tasks
        .await(WaitRequest.newBuilder().setId(id).setExecId(execId).build())
        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  void exec(String id, String execId, String stdout, String... arguments) throws TtrpcException {
    tasks.exec(
        ExecProcessRequest.newBuilder()
            .setId(id)
            .setExecId(execId)
            .setStdout(stdout)
            .setSpec(
                Any.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
                    .setValue(ByteString.copyFromUtf8(processJson(false, arguments))))
            .build(),
        PATIENCE);
    tasks.start(StartRequest.newBuilder().setId(id).setExecId(execId).build(), PATIENCE);
  }

  void kill(String id, int signal) throws TtrpcException {
    tasks.kill(KillRequest.newBuilder().setId(id).setSignal(signal).build(), PATIENCE);
  }

  DeleteResponse delete(String id) throws TtrpcException {
    return tasks.delete(DeleteRequest.newBuilder().setId(id).build(), PATIENCE);
  }

  AdoptOutcome adopt(String id, String holder) throws TtrpcException {
    return shim.adopt(
            AdoptRequest.newBuilder()
                .setHolderSocket(holder)
                .addContainers(
                    BundleRef.newBuilder()
                        .setNamespace(NAMESPACE)
                        .setId(id)
                        .setBundle(root.resolve("bundles").resolve(id).toString()))
                .build(),
            PATIENCE)
        .getOutcomes(0);
  }

  /** The content of a CRI log, both streams, without its prefixes. */
  static String content(Path log) throws IOException {
    StringBuilder content = new StringBuilder();
    String all = Files.readString(log);
    // An entry without its end is one that is being written just now.
    String whole = all.substring(0, all.lastIndexOf('\n') + 1);
    for (String line : whole.isEmpty() ? new String[0] : whole.split("\n")) {
      String[] fields = line.split(" ", 4);
      content.append(fields[3]).append(fields[2].equals("F") ? "\n" : "");
    }
    return content.toString();
  }

  static void awaitTrue(String what, Condition condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("did not come true within 60 s: " + what);
      }
      Thread.sleep(5);
    }
  }

  interface Condition {
    boolean holds() throws Exception;
  }

  @Override
  public void close() throws Exception {
    if (process.isAlive()) {
      process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
    connection.close();
    for (Path bundle : bundles) {
      new ProcessBuilder(
              "runc",
              "--root",
              root.resolve("runc").resolve(NAMESPACE).toString(),
              "delete",
              "--force",
              bundle.getFileName().toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor(20, TimeUnit.SECONDS);
    }
    removeCgroups();
    endOrphans();
    for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
      String target = line.split(" ")[1];
      if (target.startsWith(root + "/")) {
        new ProcessBuilder("umount", "-l", target).start().waitFor(10, TimeUnit.SECONDS);
      }
    }
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** What a killed shim leaves: the keepers of its containers, and scripts of ours as runtimes. */
  private void endOrphans() {
    String mark = "RETAIN_KEEPS_FOR=" + root + "/";
    for (ProcessHandle one : ProcessHandle.allProcesses().toList()) {
      boolean keeper;
      try {
        keeper = Files.readString(Path.of("/proc/" + one.pid() + "/environ")).startsWith(mark);
      } catch (IOException e) {
        continue;
      }
      if (keeper || runsScript(one)) {
        one.descendants().forEach(ProcessHandle::destroyForcibly);
        one.destroyForcibly();
      }
    }
  }

  private boolean runsScript(ProcessHandle process) {
    return Stream.of(process.info().arguments().orElse(new String[0]))
        .limit(1)
        .anyMatch(script -> script.startsWith(root + "/"));
  }

  /** The runtime removes the containers' own cgroups; the folder above them is ours. */
  private static void removeCgroups() {
    File[] hierarchies = new File("/sys/fs/cgroup").listFiles(File::isDirectory);
    for (File hierarchy : hierarchies == null ? new File[0] : hierarchies) {
      // Fails, and may, where another test of this process still has a container in it.
      new File(hierarchy, "shim-test-" + ProcessHandle.current().pid()).delete();
    }
  }
}
