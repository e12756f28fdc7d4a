package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.CheckpointContainerRequest;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.RestorePodRequest;
import dev.retainerd.wire.cri.v1.RestorePodResponse;
import dev.retainerd.wire.cri.v1.RestoredContainer;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.history.v1.HistoryEvent;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * CheckpointPod and RestorePod of CRI, and containers that are created from an archive. CRIU does
 * not know every kernel, so {@link PretendCriu} stands in its place; real CRIU is asked as well.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PodCheckpointTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Node node;
  private Path work;
  private Pods pods;
  private SavedPods saved;

  @BeforeAll
  void start() throws Exception {
    node = Node.prepared();
    work = Files.createDirectories(node.folder().resolve("work"));
    PretendCriu.install(node, work);
    node.start();
    node.importImage("k8s.io");
    pods = new Pods(node);
    saved = new SavedPods(node, PretendCriu.HANDLER);
  }

  @AfterAll
  void close() {
    node.close();
  }

  private static StatusRuntimeException refused(Status.Code code, Runnable call) {
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, call::run);
    assertEquals(code, e.getStatus().getCode(), e.getMessage());
    return e;
  }

  private List<String> told(long since, String... types) {
    return new History(node)
        .from(since).stream()
            .map(HistoryEvent::getType)
            .filter(type -> List.of(types).contains(type))
            .toList();
  }

  @Test
  void aPodIsCheckpointedAsAWholeAndRestored() throws Exception {
    SavedPods.Pod pod = saved.run("whole", 2);
    String first = pod.containers().get(0);
    String second = pod.containers().get(1);
    saved.exec(first, "echo kept >/written; rm /bin/busybox-gone 2>/dev/null; echo x >/tmp-file");
    saved.exec(second, "echo other >/written");
    Path output = saved.emptyFolder("whole");
    Files.deleteIfExists(work.resolve("seen"));
    long before = new History(node).lastSequence();

    node.cri().checkpointPod(saved.checkpoint(pod, output));

    saved.expectRunning(pod);
    // While either was written, both stood still.
    List<String> seen =
        Files.readAllLines(work.resolve("seen")).stream()
            .filter(line -> line.startsWith(first) || line.startsWith(second))
            .toList();
    assertEquals(4, seen.size(), seen.toString());
    seen.forEach(line -> assertTrue(line.contains(" paused "), line));
    assertTrue(Files.exists(output.resolve("pod.json")));
    for (String id : pod.containers()) {
      assertEquals(
          "memory of " + id,
          Files.readString(output.resolve(id).resolve("checkpoint/pages-1.img")).strip());
      assertEquals(
          List.of(
              "checkpoint",
              "checkpoint/pages-1.img",
              "config.dump",
              "rootfs-diff.tar",
              "spec.dump"),
          SavedPods.names(output.resolve(id)));
      assertEquals(
          PosixFilePermissions.fromString("rwx------"),
          Files.getPosixFilePermissions(output.resolve(id)));
    }
    assertEquals(
        PosixFilePermissions.fromString("rw-------"),
        Files.getPosixFilePermissions(output.resolve("pod.json")));
    assertEquals(
        List.of(
            "SandboxCheckpointing",
            "TaskPaused",
            "TaskPaused",
            "TaskCheckpointing",
            "TaskCheckpointed",
            "TaskCheckpointing",
            "TaskCheckpointed",
            "TaskResumed",
            "TaskResumed",
            "SandboxCheckpointed"),
        told(
            before + 1,
            "SandboxCheckpointing",
            "SandboxCheckpointed",
            "TaskPaused",
            "TaskResumed",
            "TaskCheckpointing",
            "TaskCheckpointed"));
    saved.remove(pod.id());
    restored(pod, output);
  }

  private void restored(SavedPods.Pod pod, Path output) throws Exception {
    List<String> files = SavedPods.names(output);
    Files.deleteIfExists(work.resolve("restored"));
    RestorePodResponse restored = node.cri().restorePod(saved.restore("whole", 2, output));
    assertEquals(
        List.of("a", "b"),
        restored.getRestoredContainersList().stream()
            .map(RestoredContainer::getName)
            .sorted()
            .toList());
    List<String> ids =
        restored.getRestoredContainersList().stream()
            .map(RestoredContainer::getContainerId)
            .toList();
    ids.forEach(id -> assertEquals(ContainerState.CONTAINER_CREATED, pods.status(id).getState()));
    assertFalse(Files.exists(work.resolve("restored")), "nothing ran before it was started");
    assertEquals(files, SavedPods.names(output), "the checkpoint is left as it was");
    // Neither the checkpoint nor the daemon is needed for what comes.
    node.killDaemon();
    Path copy = output.resolveSibling("copy");
    Files.move(output, copy);
    node.start();
    for (String id : ids) {
      pods.start(id);
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(id).getState());
      String name = pods.status(id).getMetadata().getName();
      assertEquals(name.equals("a") ? "kept" : "other", saved.exec(id, "cat /written"));
    }
    String memory = Files.readString(work.resolve("restored"));
    pod.containers().forEach(id -> assertTrue(memory.contains("memory of " + id), memory));
    assertEquals(
        List.of(),
        SavedPods.names(node.root().resolve("io.containerd.grpc.v1.cri/containers")).stream()
            .filter(name -> name.contains("restore"))
            .toList());
    refused(
        Status.Code.ALREADY_EXISTS, () -> node.cri().restorePod(saved.restore("whole", 2, copy)));
    saved.remove(restored.getPodSandboxId());
    saved.expectPods();
  }

  @Test
  void aContainerThatCannotBeWrittenStopsAllOfIt() throws Exception {
    SavedPods.Pod pod = saved.run("half", 2);
    Path output = saved.emptyFolder("half");
    long before = new History(node).lastSequence();
    Files.writeString(work.resolve("fail"), pod.containers().get(1));
    try {
      StatusRuntimeException e =
          refused(
              Status.Code.FAILED_PRECONDITION,
              () -> node.cri().checkpointPod(saved.checkpoint(pod, output)));
      assertTrue(e.getMessage().contains("no hat for fd 3"), e.getMessage());
    } finally {
      Files.delete(work.resolve("fail"));
    }
    assertEquals(List.of(), SavedPods.names(output));
    assertTrue(Files.isDirectory(output));
    saved.expectRunning(pod);
    assertEquals(
        List.of("SandboxCheckpointing", "SandboxCheckpointFailed"),
        told(before + 1, "SandboxCheckpointing", "SandboxCheckpointed", "SandboxCheckpointFailed"));
    // And it can be asked for again.
    node.cri().checkpointPod(saved.checkpoint(pod, output));
    saved.remove(pod.id());
  }

  @Test
  void aCallerThatWaitsNoLongerFindsThePodGoingOn() throws Exception {
    SavedPods.Pod pod = saved.run("late", 1);
    Path output = saved.emptyFolder("late");
    Path hold = Files.writeString(work.resolve("hold"), "");
    try {
      RuntimeServiceGrpc.RuntimeServiceBlockingStub hurried =
          node.cri().withDeadlineAfter(3, TimeUnit.SECONDS);
      refused(
          Status.Code.DEADLINE_EXCEEDED,
          () -> hurried.checkpointPod(saved.checkpoint(pod, output)));
      Eventually.holds("an empty folder", PATIENCE, () -> SavedPods.names(output).isEmpty());
      Eventually.holds(
          "its end in the log", PATIENCE, () -> !told(1, "SandboxCheckpointFailed").isEmpty());
      saved.expectRunning(pod);
    } finally {
      Files.delete(hold);
      Files.deleteIfExists(work.resolve("held"));
    }
    saved.remove(pod.id());
  }

  @Test
  void aPodHasOneCheckpointAtATimeAndMayBeRemovedMeanwhile() throws Exception {
    SavedPods.Pod pod = saved.run("busy", 1);
    Path output = saved.emptyFolder("busy");
    Path other = saved.emptyFolder("busy-other");
    Path hold = Files.writeString(work.resolve("hold"), "");
    CompletableFuture<?> call;
    try {
      call =
          CompletableFuture.supplyAsync(
              () -> node.cri().checkpointPod(saved.checkpoint(pod, output)));
      Eventually.holds("the runtime at work", PATIENCE, () -> Files.exists(work.resolve("held")));
      refused(
          Status.Code.FAILED_PRECONDITION,
          () -> node.cri().checkpointPod(saved.checkpoint(pod, other)));
      assertEquals(List.of(), SavedPods.names(other));
      pods.stopPod(pod.id());
    } finally {
      Files.delete(hold);
      Files.deleteIfExists(work.resolve("held"));
    }
    pods.removePod(pod.id());
    CompletableFuture<?> done = call;
    Eventually.holds("its answer", PATIENCE, done::isDone);
    if (done.isCompletedExceptionally()) {
      assertEquals(List.of(), SavedPods.names(output));
    }
    saved.expectPods();
  }

  /** As kubelet restores a container: the archive stands where an image would be named. */
  @Test
  void aContainerIsCreatedFromAnArchive() throws Exception {
    SavedPods.Pod pod = saved.run("arch", 1);
    String id = pod.containers().getFirst();
    saved.exec(id, "echo kept >/written");
    Path archive = saved.emptyFolder("arch").resolve("a.tar");
    node.cri()
        .checkpointContainer(
            CheckpointContainerRequest.newBuilder()
                .setContainerId(id)
                .setLocation(archive.toString())
                .build());
    saved.expectRunning(pod);
    saved.remove(pod.id());
    SavedPods.Pod next = saved.run("arch2", 0);
    CreateContainerRequest request = fromArchive(next, archive);
    String made = node.cri().createContainer(request).getContainerId();
    assertEquals(ContainerState.CONTAINER_CREATED, pods.status(made).getState());
    Files.delete(archive);
    Files.deleteIfExists(work.resolve("restored"));
    pods.start(made);
    assertEquals("kept", saved.exec(made, "cat /written"));
    assertEquals("memory of " + id, Files.readString(work.resolve("restored")).strip());
    assertEquals(Node.IMAGE, pods.status(made).getImage().getImage());
    pods.stop(made, 0);
    pods.remove(made);
    refused(Status.Code.NOT_FOUND, () -> node.cri().createContainer(request));
    Path broken = Files.writeString(archive, "no archive at all");
    refused(
        Status.Code.INVALID_ARGUMENT, () -> node.cri().createContainer(fromArchive(next, broken)));
    Path linked = hostile();
    refused(
        Status.Code.INVALID_ARGUMENT, () -> node.cri().createContainer(fromArchive(next, linked)));
    assertEquals(List.of(), SavedPods.names(node.root().resolve("checkpoint")));
    saved.remove(next.id());
    saved.expectPods();
  }

  /** The same with an image of the archive, as it comes from a registry. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.criu.checkpoint.container.name",
        "io.kubernetes.cri-o.annotations.checkpoint.name"
      })
  void aContainerIsCreatedFromAnImageOfACheckpoint(String annotation) throws Exception {
    SavedPods.Pod pod = saved.run("img", 1);
    String id = pod.containers().getFirst();
    saved.exec(id, "echo kept >/written");
    Path archive = saved.emptyFolder("img").resolve(annotation + ".tar");
    node.cri()
        .checkpointContainer(
            CheckpointContainerRequest.newBuilder()
                .setContainerId(id)
                .setLocation(archive.toString())
                .build());
    saved.remove(pod.id());
    String image =
        new MadeImage(node, "docker.io/retain/checkpoint:" + annotation.substring(0, 3))
            .importAnnotated("k8s.io", archive, annotation);
    SavedPods.Pod next = saved.run("img2", 0);
    String made =
        node.cri()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(next.id())
                    .setSandboxConfig(pods.config(next.name()))
                    .setConfig(
                        saved.config(0).toBuilder()
                            .setImage(ImageSpec.newBuilder().setImage(image)))
                    .build())
            .getContainerId();
    Files.deleteIfExists(work.resolve("restored"));
    pods.start(made);
    assertEquals("kept", saved.exec(made, "cat /written"));
    assertEquals("memory of " + id, Files.readString(work.resolve("restored")).strip());
    assertEquals(Node.IMAGE, pods.status(made).getImage().getImage());
    saved.remove(next.id());
    saved.expectPods();
  }

  /** CRIU would read what the link points to, as root. */
  private Path hostile() throws Exception {
    Path folder = Files.createDirectories(saved.emptyFolder("hostile").resolve("all"));
    Path images = Files.createDirectories(folder.resolve("checkpoint"));
    Files.createSymbolicLink(images.resolve("pages-1.img"), Path.of("/etc/shadow"));
    Files.writeString(folder.resolve("config.dump"), "{\"rootfsImage\":\"" + Node.IMAGE + "\"}");
    Path archive = folder.resolveSibling("hostile.tar");
    Host.run(10, List.of("tar", "cf", archive.toString(), "-C", folder.toString(), "."))
        .expectSuccess();
    return archive;
  }

  private CreateContainerRequest fromArchive(SavedPods.Pod pod, Path archive) {
    return CreateContainerRequest.newBuilder()
        .setPodSandboxId(pod.id())
        .setSandboxConfig(pods.config(pod.name()))
        .setConfig(
            saved.config(0).toBuilder()
                .setImage(ImageSpec.newBuilder().setImage(archive.toString())))
        .build();
  }

  /** What fails at its start has ended, as any container that could not be started. */
  @Test
  void aRestoreThatFailsLeavesNothing() throws Exception {
    SavedPods.Pod pod = saved.run("retry", 2);
    Path output = saved.emptyFolder("retry");
    node.cri().checkpointPod(saved.checkpoint(pod, output));
    saved.remove(pod.id());
    RestorePodRequest whole = saved.restore("retry", 2, output);
    RestorePodRequest otherImage =
        whole.toBuilder()
            .setContainerConfigs(
                1,
                saved.config(1).toBuilder()
                    .setImage(ImageSpec.newBuilder().setImage("docker.io/retain/missing:1")))
            .build();
    refused(Status.Code.NOT_FOUND, () -> node.cri().restorePod(otherImage));
    saved.expectPods();
    RestorePodResponse restored = node.cri().restorePod(whole);
    String id = restored.getRestoredContainers(0).getContainerId();
    Path images =
        node.root()
            .resolve("io.containerd.grpc.v1.cri/containers")
            .resolve(id)
            .resolve("restore/checkpoint/pages-1.img");
    Files.delete(images);
    assertThrows(StatusRuntimeException.class, () -> pods.start(id));
    ContainerStatus status = pods.status(id);
    assertEquals(ContainerState.CONTAINER_EXITED, status.getState());
    assertEquals("StartError 128", status.getReason() + " " + status.getExitCode());
    pods.start(restored.getRestoredContainers(1).getContainerId());
    saved.remove(restored.getPodSandboxId());
    saved.expectPods();
  }

  /** CRIU itself: a checkpoint where it knows the kernel, else its failure and nothing left. */
  @Test
  void criuIsAskedForReal() {
    SavedPods plain = new SavedPods(node, "");
    SavedPods.Pod pod = plain.run("real", 1);
    Path output = saved.emptyFolder("real");
    try {
      node.cri().checkpointPod(plain.checkpoint(pod, output));
      assertTrue(Files.exists(output.resolve("pod.json")));
    } catch (StatusRuntimeException e) {
      assertEquals(Status.Code.FAILED_PRECONDITION, e.getStatus().getCode(), e.getMessage());
      assertTrue(e.getMessage().contains("criu"), e.getMessage());
      assertEquals(List.of(), SavedPods.names(output));
    }
    plain.expectRunning(pod);
    plain.remove(pod.id());
  }
}
