package dev.retainerd.shim;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.protocol.ShimClient;
import dev.retainerd.shim.protocol.TaskClient;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.retain.OfferRequest;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.KillRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.WaitRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * The action {@code train}: serves itself in a temporary folder and goes once through a container's
 * life, so that the AOT cache holds what a shim needs first. Without root or runc it goes as far as
 * it can.
 */
final class Training {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Path BUSYBOX = Path.of("/bin/busybox");

  private Training() {}

  static void run() throws IOException {
    Path folder = Files.createTempDirectory("shim-train-");
    Path socket = folder.resolve("sock");
    ShimServer.serve(
        ShimArguments.parse(
            new String[] {
              "serve",
              "--id=train",
              "--dir=" + folder.resolve("dir"),
              "--socket=" + socket,
              "--runtime-root=" + folder.resolve("runc")
            }));
    try (TtrpcClient connection = TtrpcClient.connect(socket, () -> {})) {
      ShimClient shim = new ShimClient(connection);
      shim.info(PATIENCE);
      shim.records(0, Duration.ofMillis(1));
      try {
        live(new TaskClient(connection, "train"), folder.resolve("bundle"));
      } catch (TtrpcException | ExecutionException | TimeoutException e) {
        System.err.println("the training went without a container: " + e.getMessage());
      }
      shim.records(0, Duration.ofMillis(1));
      remove(folder);
      // The JVM that writes the cache begins in our folder, which is gone.
      Processes.changeFolder("/");
      // It ends itself, and before that the helper that it has started.
      if (shim.shutdownIfEmpty(PATIENCE)) {
        return;
      }
    } catch (TtrpcException e) {
      throw new IOException("the shim did not serve itself: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      remove(folder);
    }
    Processes.changeFolder("/");
    System.exit(0);
  }

  private static void live(TaskClient tasks, Path bundle)
      throws TtrpcException,
          IOException,
          InterruptedException,
          ExecutionException,
          TimeoutException {
    Path bin = bundle.resolve("rootfs/bin");
    Files.createDirectories(bin);
    Files.createDirectories(bundle.resolve("rootfs/proc"));
    if (Files.exists(BUSYBOX)) {
      Files.copy(BUSYBOX, bin.resolve("busybox"));
    }
    Files.writeString(
        bundle.resolve("config.json"),
        "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":"
            + process("sleep", "60")
            + ",\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]"
            + ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]}}");
    String log = "cri://" + bundle.resolve("log");
    CreateTaskRequest create =
        CreateTaskRequest.newBuilder()
            .setId("train")
            .setBundle(bundle.toString())
            .setStdout(log)
            .setStderr(log)
            .build();
    Path offer = Files.createFile(bundle.resolve("offer"));
    tasks.offer(
        OfferRequest.newBuilder().setCreate(create.toByteString()).setOffer("offer").build(),
        PATIENCE,
        PATIENCE,
        () -> offer.toFile().delete());
    tasks.state(StateRequest.newBuilder().setId("train").build(), PATIENCE);
    Any spec =
        Any.newBuilder().setValue(ByteString.copyFromUtf8(process("echo", "trained"))).build();
    tasks.exec(
        ExecProcessRequest.newBuilder()
            .setId("train")
            .setExecId("e")
            .setStdout(log + ".exec")
            .setSpec(spec)
            .build(),
        PATIENCE);
    tasks.start(StartRequest.newBuilder().setId("train").setExecId("e").build(), PATIENCE);
    tasks
        .await(WaitRequest.newBuilder().setId("train").setExecId("e").build())
        .get(20, TimeUnit.SECONDS);
    tasks.delete(DeleteRequest.newBuilder().setId("train").setExecId("e").build(), PATIENCE);
    tasks.kill(KillRequest.newBuilder().setId("train").setSignal(9).build(), PATIENCE);
    tasks.await(WaitRequest.newBuilder().setId("train").build()).get(20, TimeUnit.SECONDS);
    tasks.delete(DeleteRequest.newBuilder().setId("train").build(), PATIENCE);
  }

  private static String process(String... arguments) {
    String args = "\"/bin/busybox\",\"" + String.join("\",\"", arguments) + "\"";
    return "{\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"env\":[],\"args\":[" + args + "]}";
  }

  private static void remove(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : files) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        System.err.println(file + " stays: " + e.getMessage());
      }
    }
  }
}
