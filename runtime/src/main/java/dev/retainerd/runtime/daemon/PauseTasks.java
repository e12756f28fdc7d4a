package dev.retainerd.runtime.daemon;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.ContainerRemovedPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.PausePods;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.RestoreFrom;
import dev.retainerd.runtime.task.StopService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Pause processes, run from a root file system that holds nothing but a small static init.
 *
 * @param rootfs folder that the init is copied into at the first use
 * @param init the static init, such as catatonit
 */
record PauseTasks(
    Journal journal,
    TaskService tasks,
    StopService stops,
    CriSpecs specs,
    RuncOptions runtimes,
    Path rootfs,
    Path init)
    implements PausePods {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final String NAME = "pause";
  private static final Duration GONE_PATIENCE = Duration.ofSeconds(30);

  @Override
  public void start(Origin origin, SandboxRecord sandbox, PodSandboxConfig config) {
    prepare();
    byte[] spec = specs.ofPause(sandbox, config, rootfs, List.of("/" + NAME, "-P"));
    journal.commit(
        origin,
        NAMESPACE,
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder()
                .setContainer(
                    ContainerRecord.newBuilder()
                        .setId(sandbox.getId())
                        .setSandboxId(sandbox.getId())
                        .setRuntime(runtimes.recordedName(sandbox.getRuntimeHandler()))
                        .putAllLabels(sandbox.getLabelsMap())
                        .putLabels("io.cri-containerd.kind", "sandbox")
                        .setCreatedAtNanos(sandbox.getCreatedAtNanos())
                        .setUpdatedAtNanos(sandbox.getCreatedAtNanos())
                        .setSpec(
                            Opaque.newBuilder()
                                .setTypeUrl(
                                    "types.containerd.io/opencontainers/runtime-spec/1/Spec")
                                .setValue(ByteString.copyFrom(spec))))
                .build()));
    tasks.run(
        origin,
        NAMESPACE,
        sandbox.getId(),
        new TaskService.CreateOptions(
            List.of(), StdioPaths.getDefaultInstance(), Optional.empty(), RestoreFrom.NOTHING));
  }

  private void prepare() {
    Path target = rootfs.resolve(NAME);
    if (Files.exists(target)) {
      return;
    }
    if (!Files.isExecutable(init)) {
      throw Refusal.failedPrecondition(
          "a pod with a pid namespace of its own needs the pause program "
              + init
              + ", which is not there; install catatonit, or set retain.pause_path");
    }
    try {
      for (String folder : List.of("dev", "proc", "sys", "etc")) {
        Files.createDirectories(rootfs.resolve(folder));
      }
      Path partial = Files.createTempFile(rootfs, NAME, ".partial");
      Files.copy(init, partial, StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(partial, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw Refusal.internal("the pause program cannot be put in place: " + e.getMessage(), e);
    }
  }

  @Override
  public boolean runs(String sandboxId) {
    return tasks
        .find(NAMESPACE, sandboxId)
        .filter(task -> task.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
        .isPresent();
  }

  @Override
  public void remove(Origin origin, String sandboxId) {
    if (journal.state().get(Kind.CONTAINER.key(NAMESPACE, sandboxId)).isEmpty()) {
      return;
    }
    Optional<TaskEntry> task = tasks.find(NAMESPACE, sandboxId);
    if (task.isPresent() && task.get().getPhase() == TaskPhase.TASK_PHASE_CREATED) {
      tasks.deleteIfThere(origin, NAMESPACE, sandboxId);
    } else if (task.isPresent()) {
      stops.stop(origin, NAMESPACE, sandboxId, 0, Duration.ZERO);
      awaitGone(sandboxId);
    }
    journal.commit(
        origin,
        NAMESPACE,
        new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(sandboxId).build()));
  }

  private void awaitGone(String sandboxId) {
    try {
      if (!journal.await(Kind.TASK.key(NAMESPACE, sandboxId), t -> t == null, GONE_PATIENCE)) {
        throw Refusal.deadlineExceeded(
            "the pause process of pod sandbox " + sandboxId + " has ended and is not cleaned up");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a pause process was given up");
    }
  }
}
