package dev.retainerd.runtime.cri;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a command in a container and waits for its end. Its output goes through files below {@code
 * folder}, of which at most {@value #OUTPUT_BOUND} bytes a stream are answered, as kubelet's bound
 * is. Thread-safe.
 */
final class ExecSync {
  private static final Logger LOG = LoggerFactory.getLogger(ExecSync.class);
  private static final int OUTPUT_BOUND = 16 << 20;
  private static final int SIGKILL = 9;
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final Duration AFTER_KILL = Duration.ofSeconds(10);

  private final Journal journal;
  private final ContainerService containers;
  private final TaskService tasks;
  private final ExecService execs;
  private final Path folder;
  private final Supplier<String> newId;

  ExecSync(
      Journal journal,
      ContainerService containers,
      TaskService tasks,
      ExecService execs,
      Path folder,
      Supplier<String> newId) {
    this.journal = journal;
    this.containers = containers;
    this.tasks = tasks;
    this.execs = execs;
    this.folder = folder;
    this.newId = newId;
  }

  /**
   * Runs it.
   *
   * @param patience zero: no limit
   * @throws Refusal DEADLINE_EXCEEDED where it ran longer; it is killed then
   */
  ExecSyncResponse run(Origin origin, String containerId, List<String> command, Duration patience) {
    if (command.isEmpty()) {
      throw Refusal.invalidArgument("the command to run in container " + containerId + " is empty");
    }
    containers.get(containerId);
    String execId = newId.get();
    Path out = folder.resolve(execId);
    try {
      Files.createDirectories(out);
      Path stdout = Files.createFile(out.resolve("stdout"));
      Path stderr = Files.createFile(out.resolve("stderr"));
      StdioPaths stdio =
          StdioPaths.newBuilder()
              .setStdout("file://" + stdout)
              .setStderr("file://" + stderr)
              .build();
      execs.add(origin, NAMESPACE, containerId, execId, stdio, process(containerId, command));
      CompletableFuture<Exit> exit;
      try {
        exit = tasks.exitOf(NAMESPACE, containerId, execId);
        execs.start(origin, NAMESPACE, containerId, execId);
      } catch (RuntimeException e) {
        forget(origin, containerId, execId);
        throw e;
      }
      Exit ended = await(origin, containerId, execId, exit, patience);
      forget(origin, containerId, execId);
      return ExecSyncResponse.newBuilder()
          .setStdout(read(stdout))
          .setStderr(read(stderr))
          .setExitCode(ended.getStatus())
          .build();
    } catch (IOException e) {
      throw Refusal.internal("the output of the command cannot be kept: " + e.getMessage(), e);
    } finally {
      Folders.removeQuietly(out);
    }
  }

  private Exit await(
      Origin origin,
      String containerId,
      String execId,
      CompletableFuture<Exit> exit,
      Duration patience) {
    try {
      return patience.isZero() ? exit.get() : exit.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      tasks.kill(origin, NAMESPACE, containerId, execId, SIGKILL, false);
      try {
        tasks
            .exitOf(NAMESPACE, containerId, execId)
            .get(AFTER_KILL.toMillis(), TimeUnit.MILLISECONDS);
        forget(origin, containerId, execId);
      } catch (TimeoutException | ExecutionException | InterruptedException still) {
        LOG.warn("exec {} in {} was killed and has not ended yet", execId, containerId);
      }
      throw Refusal.deadlineExceeded(
          "the command did not end within " + patience.toSeconds() + " s and was killed");
    } catch (ExecutionException e) {
      throw Refusal.internal("the wait for a command ended badly", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a command was given up");
    }
  }

  private void forget(Origin origin, String containerId, String execId) {
    try {
      execs.delete(origin, NAMESPACE, containerId, execId);
    } catch (Refusal e) {
      LOG.warn("exec {} in {} is not removed: {}", execId, containerId, e.sentence());
    }
  }

  /** The container's own process, with another command and no terminal. */
  private Opaque process(String containerId, List<String> command) {
    Opaque spec =
        journal
            .state()
            .get(Kind.SPEC.key(NAMESPACE, containerId))
            .orElseThrow(
                () -> Refusal.failedPrecondition("container " + containerId + " has no spec"))
            .getSpec();
    JsonElement tree = JsonParser.parseString(spec.getValue().toStringUtf8());
    JsonObject process = tree.getAsJsonObject().getAsJsonObject("process").deepCopy();
    JsonArray args = new JsonArray();
    command.forEach(args::add);
    process.add("args", args);
    process.addProperty("terminal", false);
    return Opaque.newBuilder()
        .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
        .setValue(ByteString.copyFromUtf8(process.toString()))
        .build();
  }

  private static ByteString read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return ByteString.copyFrom(in.readNBytes(OUTPUT_BOUND));
    }
  }
}
