package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import dev.retainerd.wire.containerd.services.tasks.v1.CheckpointTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.cri.v1.CheckpointContainerRequest;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Checkpoint and restore through the real ctr and retainctl. CRIU does not know every kernel, so a
 * script stands in the place of the OCI runtime: it writes images and begins anew from them, and
 * hands everything else on to runc. Real CRIU is asked as well, for what becomes of its failure.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TaskCheckpointTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Node node;
  private Path work;
  private Path runtime;

  @BeforeAll
  void start() throws Exception {
    node = Node.prepared();
    work = Files.createDirectories(node.folder().resolve("work"));
    runtime = PretendCriu.install(node, work);
    node.start();
    node.importImage(node.name());
  }

  @AfterAll
  void close() {
    node.close();
  }

  private String ctr(String line, Object... values) {
    return node.ctr(line.formatted(values).split(" ")).expectSuccess();
  }

  private Host.Output ctl(String line, Object... values) {
    List<String> words = new ArrayList<>(List.of("--namespace", node.name()));
    words.addAll(List.of(line.formatted(values).split(" ")));
    return node.retainctl(words.toArray(String[]::new));
  }

  private void run(String id) {
    ctr("run -d --runc-binary %s %s %s sleep 1000", runtime, Node.IMAGE, id);
  }

  private void remove(String id) {
    node.ctr("tasks", "rm", "-f", id);
    ctr("containers rm %s", id);
  }

  private boolean isIn(String state, String id) {
    return ctr("tasks ls")
        .lines()
        .anyMatch(line -> line.startsWith(id + " ") && line.contains(state));
  }

  private List<Path> leftInWorkFolders() throws IOException {
    List<Path> found = new ArrayList<>();
    for (String top : List.of("checkpoint", "restore")) {
      Path folder = node.root().resolve(top);
      if (Files.exists(folder)) {
        try (Stream<Path> all = Files.walk(folder, 3)) {
          all.filter(path -> top.equals("checkpoint") ? !path.equals(folder) : isFile(path))
              .forEach(found::add);
        }
      }
    }
    return found;
  }

  private static boolean isFile(Path path) {
    return Files.isRegularFile(path);
  }

  private String imageOf(String printed) {
    String name = printed.strip();
    assertTrue(name.startsWith("containerd.io/checkpoint/"), name);
    return name;
  }

  @Test
  void ctrMakesAnImageOfATaskAndRestoresIt() throws Exception {
    Path told = work.resolve("told");
    Process events =
        Host.start(
            told,
            List.of(
                "ctr",
                "--address",
                node.socket().toString(),
                "--namespace",
                node.name(),
                "events"));
    try {
      run("chk");
      ctr("tasks exec --exec-id w chk sh -c %s", "echo${IFS}kept>/written");
      ctr("containers checkpoint --rw --image --task chk verbs/live:1");
      assertTrue(isIn("RUNNING", "chk"), "it was resumed");
      Eventually.holds(
          "its event", PATIENCE, () -> Files.readString(told).contains("/tasks/checkpointed"));
      assertEquals(List.of(), leftInWorkFolders());
      remove("chk");
      // Only the image holds the parts now.
      ctr("images tag %s again:1", Node.IMAGE);
      ctr("images rm --sync again:1");
      ctr("containers restore --rw --live chk2 verbs/live:1");
      assertTrue(isIn("RUNNING", "chk2"));
      assertTrue(Files.readString(work.resolve("restored")).contains("memory of chk"));
      assertEquals("kept", ctr("tasks exec --exec-id r chk2 cat /written").strip());
      assertEquals(List.of(), leftInWorkFolders());
      ctr("tasks kill -s KILL chk2");
      Eventually.holds("its exit", PATIENCE, () -> isIn("STOPPED", "chk2"));
      ctr("containers rm chk2");
      ctr("images rm verbs/live:1");
    } finally {
      events.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
    }
  }

  @Test
  void ctrWritesIntoAFolderAndEndsTheTask() throws Exception {
    run("dir");
    Path images = work.resolve("dir-images");
    Path logs = Files.createDirectories(work.resolve("dir-logs"));
    String before = ctr("content ls -q");
    assertEquals("", ctr("tasks checkpoint --image-path %s --work-path %s dir", images, logs));
    assertEquals("memory of dir", Files.readString(images.resolve("pages-1.img")).strip());
    assertEquals(before, ctr("content ls -q"));
    assertTrue(Files.readString(work.resolve("asked")).contains("--work-path " + logs));
    imageOf(ctr("tasks checkpoint --exit dir"));
    Eventually.holds("its end", PATIENCE, () -> isIn("STOPPED", "dir"));
    ctr("containers rm dir");
  }

  @Test
  void retainctlDoesTheSame() throws Exception {
    run("own");
    String image = imageOf(ctl("tasks checkpoint own").expectSuccess());
    assertTrue(isIn("RUNNING", "own"));
    assertTrue(ctr("images ls -q").contains(image));
    ctl("containers checkpoint --rw --task own verbs/own:1").expectSuccess();
    remove("own");
    // Each reads what the other has written; one after the other, for their cgroup is the same.
    ctl("containers restore --rw --live own2 verbs/own:1").expectSuccess();
    assertTrue(isIn("RUNNING", "own2"));
    remove("own2");
    ctr("containers restore --live own3 verbs/own:1");
    assertTrue(isIn("RUNNING", "own3"));
    remove("own3");
    Host.Output none = ctl("containers restore --live own4 %s", Node.IMAGE);
    assertEquals(1, none.code(), none.text());
    assertFalse(ctr("containers ls -q").contains("own4"));
    assertEquals(List.of(), leftInWorkFolders());
  }

  @Test
  void aFailureIsOneSentenceAndNothingIsLeft() throws Exception {
    run("failing");
    String before = ctr("content ls -q");
    Files.writeString(work.resolve("fail"), "");
    try {
      Host.Output refused = node.ctr("tasks", "checkpoint", "failing");
      assertEquals(1, refused.code(), refused.text());
      assertTrue(refused.text().contains("no hat for fd 3"), refused.text());
      assertEquals(1, refused.text().strip().lines().count(), refused.text());
    } finally {
      Files.delete(work.resolve("fail"));
    }
    assertEquals(before, ctr("content ls -q"));
    assertEquals(List.of(), leftInWorkFolders());
    assertTrue(isIn("RUNNING", "failing"));
    remove("failing");
  }

  /** As kubelet asks for it: an archive of the images, the spec and the configuration. */
  @Test
  void aContainerOfAPodIsCheckpointedIntoAnArchive() throws Exception {
    node.importImage("k8s.io");
    Pods pods = new Pods(node);
    String pod =
        node.cri()
            .runPodSandbox(
                RunPodSandboxRequest.newBuilder()
                    .setConfig(pods.config("chk"))
                    .setRuntimeHandler("images")
                    .build())
            .getPodSandboxId();
    String id = pods.create(pod, "chk", "main", "sleep 1000");
    pods.start(id);
    Path archive = work.resolve("kubelet.tar");
    CheckpointContainerRequest request =
        CheckpointContainerRequest.newBuilder()
            .setContainerId(id)
            .setLocation(archive.toString())
            .build();
    node.cri().checkpointContainer(request);
    String names = Host.run(10, List.of("tar", "tf", archive.toString())).expectSuccess();
    assertEquals(
        List.of("checkpoint/pages-1.img", "config.dump", "rootfs-diff.tar", "spec.dump"),
        names.lines().sorted().toList());
    assertEquals(
        "memory of " + id,
        Host.run(10, List.of("tar", "xOf", archive.toString(), "checkpoint/pages-1.img"))
            .expectSuccess()
            .strip());
    assertEquals(
        PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(archive));
    Files.delete(archive);
    Files.writeString(work.resolve("fail"), "");
    try {
      node.cri().checkpointContainer(request);
      throw new AssertionError("the runtime has failed");
    } catch (StatusRuntimeException e) {
      assertEquals(io.grpc.Status.Code.FAILED_PRECONDITION, e.getStatus().getCode());
      assertTrue(e.getMessage().contains("no hat for fd 3"), e.getMessage());
    } finally {
      Files.delete(work.resolve("fail"));
    }
    assertFalse(Files.exists(archive));
    assertEquals(List.of(), leftInWorkFolders());
    List<String> told =
        new History(node)
            .from(1).stream()
                .filter(event -> event.getType().startsWith("TaskCheckpoint"))
                .filter(event -> event.getSubject().equals("task/" + id))
                .map(HistoryEvent::getType)
                .toList();
    assertEquals(
        List.of(
            "TaskCheckpointing", "TaskCheckpointed", "TaskCheckpointing", "TaskCheckpointFailed"),
        told);
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(id).getState());
    pods.stop(id, 0);
    pods.remove(id);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  /** CRIU itself: an image where it knows the kernel, else its failure in one sentence. */
  @Test
  void criuIsAskedForReal() throws Exception {
    ctr("run -d %s real sleep 1000", Node.IMAGE);
    String before = ctr("content ls -q");
    Host.Output output = node.ctr("tasks", "checkpoint", "real");
    assertTrue(isIn("RUNNING", "real"));
    assertEquals(List.of(), leftInWorkFolders());
    if (output.code() == 0) {
      imageOf(output.text());
    } else {
      assertTrue(output.text().contains("criu"), output.text());
      assertEquals(1, output.text().strip().lines().count(), output.text());
      assertEquals(before, ctr("content ls -q"));
    }
    remove("real");
  }

  /** The daemon dies while the runtime writes: the task lives, and the half-written images go. */
  @Test
  void aKillInTheMiddleLeavesNothing() throws Exception {
    run("held");
    String before = ctr("content ls -q");
    Path hold = Files.writeString(work.resolve("hold"), "");
    try {
      CompletableFuture<?> call =
          CompletableFuture.supplyAsync(
              () ->
                  node.tasks(node.name())
                      .checkpoint(
                          CheckpointTaskRequest.newBuilder().setContainerId("held").build()));
      Eventually.holds("the runtime at work", PATIENCE, () -> Files.exists(work.resolve("held")));
      node.killDaemon();
      node.start();
      assertEquals(List.of(), leftInWorkFolders());
      assertTrue(call.isDone() || call.cancel(true));
    } finally {
      Files.delete(hold);
    }
    assertTrue(isIn("RUNNING", "held"));
    assertEquals(before, ctr("content ls -q"));
    imageOf(ctr("tasks checkpoint held"));
    remove("held");
  }

  /**
   * The daemon dies between create and start of a restored task: it starts, and its end is told.
   */
  @Test
  void aRestoreOutlivesTheDaemon() throws Exception {
    run("first");
    Descriptor images =
        node.tasks(node.name())
            .checkpoint(
                CheckpointTaskRequest.newBuilder()
                    .setContainerId("first")
                    .setOptions(
                        com.google.protobuf.Any.newBuilder()
                            .setTypeUrl("containerd.runc.v1.CheckpointOptions")
                            .setValue(
                                CheckpointOptions.newBuilder()
                                    .setFileLocks(true)
                                    .setCgroupsMode("strict")
                                    .addEmptyNamespaces("network")
                                    .build()
                                    .toByteString()))
                    .build())
            .getDescriptors(0);
    String asked = Files.readString(work.resolve("asked"));
    assertTrue(
        asked.contains("--file-locks --manage-cgroups-mode strict --empty-ns network"), asked);
    Path root = Files.createDirectories(work.resolve("second-root/bin"));
    Files.copy(Node.busybox(), root.resolve("sleep"));
    ctr("containers create --rootfs %s second /bin/sleep 1000", root.getParent());
    node.tasks(node.name())
        .create(
            CreateTaskRequest.newBuilder()
                .setContainerId("second")
                .setCheckpoint(images)
                .setOptions(
                    com.google.protobuf.Any.newBuilder()
                        .setTypeUrl("containerd.runc.v1.Options")
                        .setValue(
                            dev.retainerd.wire.containerd.runc.v1.Options.newBuilder()
                                .setBinaryName(runtime.toString())
                                .build()
                                .toByteString()))
                .build());
    node.killDaemon();
    node.start();
    assertTrue(isIn("CREATED", "second"));
    int pid =
        node.tasks(node.name())
            .start(StartRequest.newBuilder().setContainerId("second").build())
            .getPid();
    assertTrue(ProcessHandle.of(pid).isPresent());
    node.killDaemon();
    node.start();
    assertTrue(isIn("RUNNING", "second"));
    ctr("tasks kill -s KILL second");
    Eventually.holds("its end", PATIENCE, () -> isIn("STOPPED", "second"));
    ctr("containers rm second");
    try {
      node.tasks(node.name())
          .create(
              CreateTaskRequest.newBuilder().setContainerId("first").setCheckpoint(images).build());
      throw new AssertionError("it has a task");
    } catch (StatusRuntimeException e) {
      assertEquals(io.grpc.Status.Code.ALREADY_EXISTS, e.getStatus().getCode());
    }
    remove("first");
    assertEquals(List.of(), leftInWorkFolders());
  }
}
