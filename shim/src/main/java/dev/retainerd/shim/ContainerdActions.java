package dev.retainerd.shim;

import dev.retainerd.shim.container.LeftBehind;
import dev.retainerd.shim.container.SandboxGroup;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.wire.bootstrap.BootstrapParams;
import dev.retainerd.shim.wire.bootstrap.BootstrapResult;
import dev.retainerd.shim.wire.bootstrap.RuntimeInfo;
import dev.retainerd.shim.wire.bootstrap.RuntimeVersion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * What a stock containerd calls a shim's binary for: {@code start}, {@code delete} and {@code
 * -info}. The working folder is the bundle then.
 */
final class ContainerdActions {
  private static final Path SOCKETS = Path.of("/run/containerd/s");
  private static final long START_MILLIS = 20_000;
  private static final int INPUT_MAX = 10 << 20;

  private ContainerdActions() {}

  /**
   * Finds or starts the server of the container's group and prints its address: alone for
   * containerd 1.x, as JSON where version 3 or later of the protocol is asked for by
   * MAX_SHIM_VERSION, as protobuf where bootstrap parameters came on stdin.
   */
  static void start(ShimArguments arguments) throws IOException {
    String namespace = arguments.required("namespace");
    String id = arguments.required("id");
    byte[] input = System.in.readNBytes(INPUT_MAX);
    BootstrapParams parameters = parameters(input, id);
    String ttrpcAddress = environment("TTRPC_ADDRESS", parameters.getContainerdTtrpcAddress());
    Path bundle = Path.of("").toAbsolutePath();
    String group = SandboxGroup.of(bundle, id);
    String grpcAddress = arguments.value("address");
    Path socket = SOCKETS.resolve(digest(grpcAddress + "/" + namespace + "/" + group));
    Files.createDirectories(SOCKETS);
    if (!answers(socket)) {
      Files.deleteIfExists(socket);
      launch(namespace, group, bundle, socket, ttrpcAddress);
    }
    String address = "unix://" + socket;
    Files.writeString(bundle.resolve("address"), address);
    print(address, !parameters.getInstanceId().isEmpty());
  }

  private static void print(String address, boolean bootstrapped) throws IOException {
    String wanted = System.getenv("MAX_SHIM_VERSION");
    if (bootstrapped) {
      BootstrapResult.newBuilder()
          .setVersion(3)
          .setProtocol("ttrpc")
          .setAddress(address)
          .build()
          .writeTo(System.out);
    } else if (wanted != null && wanted.compareTo("2") >= 0) {
      System.out.print("{\"version\":2,\"address\":\"" + address + "\",\"protocol\":\"ttrpc\"}");
    } else {
      System.out.print(address);
    }
    System.out.flush();
  }

  /** containerd 1.x writes runtime options there instead, or nothing. */
  private static BootstrapParams parameters(byte[] input, String id) {
    try {
      BootstrapParams parameters = BootstrapParams.parseFrom(input);
      if (parameters.getInstanceId().equals(id)) {
        return parameters;
      }
    } catch (IOException e) {
      // Then it is the older convention.
    }
    return BootstrapParams.getDefaultInstance();
  }

  private static String environment(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  private static String digest(String text) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      byte[] hash = sha.digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 24);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no SHA-256", e);
    }
  }

  private static boolean answers(Path socket) {
    try (TtrpcClient client = TtrpcClient.connect(socket, () -> {})) {
      return client.isOpen();
    } catch (IOException e) {
      return false;
    }
  }

  private static void launch(
      String namespace, String group, Path bundle, Path socket, String ttrpcAddress)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                selfLauncher(),
                "serve",
                "--namespace",
                namespace,
                "--id",
                group,
                "--dir",
                bundle.toString(),
                "--socket",
                socket.toString()));
    if (!ttrpcAddress.isEmpty()) {
      command.add("--ttrpc-address");
      command.add(ttrpcAddress);
    }
    List<String> environment = new ArrayList<>();
    for (Map.Entry<String, String> one : System.getenv().entrySet()) {
      environment.add(one.getKey() + "=" + one.getValue());
    }
    int none = Posix.open("/dev/null", Posix.O_RDWR, 0);
    int log =
        Posix.open(
            bundle.resolve("shim.log").toString(),
            Posix.O_WRONLY | Posix.O_CREAT | Posix.O_APPEND,
            0600);
    int pid;
    try {
      pid =
          Processes.spawn(
              new Processes.Command(
                  command.get(0), command, environment, bundle.toString(), none, none, log, true));
    } finally {
      Posix.close(none);
      Posix.close(log);
    }
    awaitAnswer(socket, pid, bundle);
  }

  private static void awaitAnswer(Path socket, int pid, Path bundle) throws IOException {
    long deadline = System.nanoTime() + START_MILLIS * 1_000_000;
    while (!Files.exists(socket) || !answers(socket)) {
      Processes.Stat stat = Processes.stat(pid);
      boolean gone = stat == null || stat.state() == 'Z';
      if (gone || System.nanoTime() > deadline) {
        throw new IOException(
            "the shim's server "
                + (gone ? "ended at its start" : "did not answer within 20 s")
                + "; see "
                + bundle.resolve("shim.log"));
      }
      try {
        Thread.sleep(3);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while the shim's server started", e);
      }
    }
  }

  /** The launcher says where it is; without it (in tests) the same Java is started again. */
  private static String selfLauncher() throws IOException {
    String launcher = System.getProperty("retain.shim.launcher", "");
    if (launcher.isEmpty()) {
      throw new IOException(
          "start needs to be called through bin/" + ShimMain.NAME + ", which says where it is");
    }
    return launcher;
  }

  /** Ends what a server that is gone has left of a container, and says how it ended. */
  static void delete(ShimArguments arguments) throws IOException {
    Path here = Path.of("").toAbsolutePath();
    String bundle = arguments.value("bundle");
    Path folder =
        bundle.isEmpty() ? here.resolveSibling(arguments.required("id")) : Path.of(bundle);
    LeftBehind.clean(arguments.required("namespace"), arguments.required("id"), folder)
        .writeTo(System.out);
    System.out.flush();
  }

  static void info() throws IOException {
    System.in.readNBytes(INPUT_MAX);
    RuntimeInfo.newBuilder()
        .setName("io.containerd.retain.v1")
        .setVersion(RuntimeVersion.newBuilder().setVersion(ShimMain.VERSION))
        .build()
        .writeTo(System.out);
    System.out.flush();
  }
}
