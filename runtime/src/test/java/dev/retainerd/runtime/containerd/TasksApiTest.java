package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.runtime.checkpoint.TaskCheckpoints;
import dev.retainerd.runtime.checkpoint.WorkFolders;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.MemoryLog;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.grpc.GrpcServer;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.shims.ShimLauncher;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.runtime.task.Bundles;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.ExitRecorder;
import dev.retainerd.runtime.task.RuntimeOptions;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import dev.retainerd.wire.containerd.runc.v1.Options;
import dev.retainerd.wire.containerd.runc.v1.ProcessDetails;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CheckpointTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CloseIORequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ExecProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListPidsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListTasksRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.MetricsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.PauseTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResizePtyRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResumeTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Mount;
import dev.retainerd.wire.containerd.v1.types.Process;
import dev.retainerd.wire.containerd.v1.types.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tasks service over the real task services, with a shim whose processes are only numbers. */
class TasksApiTest {
  @TempDir Path folder;
  private final PretendShim shim = new PretendShim();
  private Journal journal;
  private ContentService content;
  private int workFolders;
  private Shims shims;
  private GrpcServer server;
  private UnixChannels client;

  @BeforeEach
  void serve() throws Exception {
    journal = MemoryLog.journal();
    var self = new Origin(Actor.daemon(), "", 0);
    recordShim(self);
    shims =
        new Shims(
            journal,
            new ShimLauncher(Path.of("/bin/false"), folder.resolve("shims")),
            socket -> shim,
            new Shims.Settings(
                50,
                false,
                java.time.Duration.ofSeconds(60),
                folder.resolve("holder"),
                () -> "s2",
                java.time.Duration.ofSeconds(10)),
            self);
    var tasks =
        new TaskService(
            journal,
            shims,
            new Bundles(folder.resolve("tasks"), folder.resolve("restore")),
            new MappedTrees(folder.resolve("idmap")),
            new RuntimeOptions() {
              @Override
              public Opaque optionsOf(String runtime) {
                return Opaque.getDefaultInstance();
              }

              @Override
              public Opaque ownedBy(Opaque options, long uid, long gid) {
                return options;
              }
            },
            () -> {});
    content = new ContentService(journal, ContentStore.open(folder.resolve("content")));
    var execs = new ExecService(tasks);
    var recorder = new ExitRecorder(tasks, self, (namespace, id) -> {});
    shims.onRecord(recorder::record);
    recorder.open();
    assertEquals(1, shims.reattachAll().reattached());
    var records = new JournalRecords(journal);
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(folder.resolve("api.sock")),
            List.of(
                new ContainersApi(records, new Namespaces(records)),
                new TasksApi(
                    tasks,
                    execs,
                    new TaskCheckpoints(
                        journal.state(),
                        content,
                        new Checkpointing(tasks),
                        WorkFolders.emptied(
                            folder.resolve("checkpoint"), () -> "w" + ++workFolders)),
                    journal.state())));
    client = UnixChannels.open(server.socket());
    createContainer("web");
  }

  /** A shim that is there already, in the shape of this very process. */
  private void recordShim(Origin self) {
    journal.commit(
        self,
        "",
        new Event.ShimStarting(
            ShimStartingPayload.newBuilder().setId("s1").setAddress("/nowhere").build()),
        new Event.ShimStarted(
            ShimStartedPayload.newBuilder()
                .setId("s1")
                .setProcess(
                    ProcessIdentity.newBuilder()
                        .setBootId(dev.retainerd.runtime.linux.ProcessIdentity.currentBootId())
                        .setPid((int) ProcessHandle.current().pid())
                        .setStartTimeTicks(PretendShim.START_TICKS))
                .build()));
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
    shims.close();
    journal.close();
  }

  private TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(client.inNamespace("tests"))
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private ContainersGrpc.ContainersBlockingStub containers() {
    return ContainersGrpc.newBlockingStub(client.inNamespace("tests"))
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private void createContainer(String id) {
    containers()
        .create(
            CreateContainerRequest.newBuilder()
                .setContainer(
                    Container.newBuilder()
                        .setId(id)
                        .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
                        .setSpec(Any.newBuilder().setTypeUrl("spec")))
                .build());
  }

  private int create(String id) {
    return tasks()
        .create(
            CreateTaskRequest.newBuilder()
                .setContainerId(id)
                .addRootfs(Mount.newBuilder().setType("bind").setSource("/root"))
                .setStdout("/fifo/out")
                .build())
        .getPid();
  }

  private int start(String id, String exec) {
    return tasks()
        .start(StartRequest.newBuilder().setContainerId(id).setExecId(exec).build())
        .getPid();
  }

  private void kill(String id, String exec, int signal) {
    tasks()
        .kill(
            KillRequest.newBuilder().setContainerId(id).setExecId(exec).setSignal(signal).build());
  }

  private WaitResponse await(String id, String exec) {
    return tasks().wait(WaitRequest.newBuilder().setContainerId(id).setExecId(exec).build());
  }

  private Process get(String id, String exec) {
    return tasks()
        .get(GetRequest.newBuilder().setContainerId(id).setExecId(exec).build())
        .getProcess();
  }

  private static io.grpc.Status statusOf(Runnable call) {
    return assertThrows(StatusRuntimeException.class, call::run).getStatus();
  }

  @Test
  void aTaskIsCreatedStartedKilledWaitedForAndDeleted() {
    int pid = create("web");
    assertEquals(List.of("create web on 1 mounts"), shim.calls);
    assertEquals(Status.CREATED, get("web", "").getStatus());
    assertEquals(pid, start("web", ""));
    Process running = get("web", "");
    assertEquals(Status.RUNNING, running.getStatus());
    assertEquals("/fifo/out", running.getStdout());
    assertEquals(
        List.of(running), tasks().list(ListTasksRequest.getDefaultInstance()).getTasksList());
    var deletion = DeleteTaskRequest.newBuilder().setContainerId("web").build();
    io.grpc.Status early = statusOf(() -> tasks().delete(deletion));
    assertEquals(io.grpc.Status.Code.FAILED_PRECONDITION, early.getCode());
    kill("web", "", 15);
    WaitResponse ended = await("web", "");
    assertEquals(143, ended.getExitStatus());
    assertEquals(1_700_000_000L, ended.getExitedAt().getSeconds());
    assertEquals(Status.STOPPED, get("web", "").getStatus());
    var deleted = tasks().delete(deletion);
    assertEquals(pid, deleted.getPid());
    assertEquals(143, deleted.getExitStatus());
    assertEquals(io.grpc.Status.Code.NOT_FOUND, statusOf(() -> get("web", "")).getCode());
  }

  @Test
  void aContainerWithATaskStays() {
    create("web");
    var request = DeleteContainerRequest.newBuilder().setId("web").build();
    io.grpc.Status refused = statusOf(() -> containers().delete(request));
    assertEquals(io.grpc.Status.Code.FAILED_PRECONDITION, refused.getCode());
    assertTrue(refused.getDescription().contains("ctr t rm web"), refused.getDescription());
  }

  @Test
  void anExecHasALifeOfItsOwn() throws Exception {
    create("web");
    start("web", "");
    var exec =
        ExecProcessRequest.newBuilder()
            .setContainerId("web")
            .setExecId("e1")
            .setSpec(Any.newBuilder().setTypeUrl("process"))
            .build();
    tasks().exec(exec);
    assertEquals(io.grpc.Status.Code.ALREADY_EXISTS, statusOf(() -> tasks().exec(exec)).getCode());
    assertEquals(Status.CREATED, get("web", "e1").getStatus());
    int pid = start("web", "e1");
    assertEquals("e1", get("web", "e1").getId());
    var pids = tasks().listPids(ListPidsRequest.newBuilder().setContainerId("web").build());
    assertEquals(2, pids.getProcessesCount());
    assertEquals(pid, pids.getProcesses(1).getPid());
    assertEquals(
        "e1", ProcessDetails.parseFrom(pids.getProcesses(1).getInfo().getValue()).getExecId());
    kill("web", "e1", 9);
    assertEquals(137, await("web", "e1").getExitStatus());
    var deletion = DeleteProcessRequest.newBuilder().setContainerId("web").setExecId("e1").build();
    var deleted = tasks().deleteProcess(deletion);
    assertEquals("e1", deleted.getId());
    assertEquals(137, deleted.getExitStatus());
    assertEquals(
        io.grpc.Status.Code.NOT_FOUND, statusOf(() -> tasks().deleteProcess(deletion)).getCode());
    assertEquals(Status.RUNNING, get("web", "").getStatus());
  }

  @Test
  void aWaitThatIsGivenUpLeavesTheOthersWaiting() throws Exception {
    create("web");
    start("web", "");
    var hurried =
        TasksGrpc.newBlockingStub(client.inNamespace("tests"))
            .withDeadlineAfter(100, TimeUnit.MILLISECONDS);
    io.grpc.Status late =
        statusOf(() -> hurried.wait(WaitRequest.newBuilder().setContainerId("web").build()));
    assertEquals(io.grpc.Status.Code.DEADLINE_EXCEEDED, late.getCode());
    var patient =
        TasksGrpc.newFutureStub(client.inNamespace("tests"))
            .wait(WaitRequest.newBuilder().setContainerId("web").build());
    assertFalse(patient.isDone());
    kill("web", "", 9);
    assertEquals(137, patient.get(30, TimeUnit.SECONDS).getExitStatus());
  }

  @Test
  void whatConcernsARunningTaskReachesItsShim() {
    create("web");
    start("web", "");
    tasks().pause(PauseTaskRequest.newBuilder().setContainerId("web").build());
    assertEquals(Status.PAUSED, get("web", "").getStatus());
    tasks().resume(ResumeTaskRequest.newBuilder().setContainerId("web").build());
    tasks()
        .resizePty(
            ResizePtyRequest.newBuilder().setContainerId("web").setWidth(80).setHeight(24).build());
    tasks().closeIO(CloseIORequest.newBuilder().setContainerId("web").setStdin(true).build());
    assertEquals(
        List.of("pause web", "resume web", "resize tests/web 80x24", "close stdin tests/web"),
        shim.calls.subList(1, shim.calls.size()));
  }

  @Test
  void metricsAreOfTheTasksAskedFor() {
    createContainer("db");
    for (String id : List.of("web", "db")) {
      create(id);
      start(id, "");
    }
    var all = tasks().metrics(MetricsRequest.getDefaultInstance());
    assertEquals(2, all.getMetricsCount());
    var one = tasks().metrics(MetricsRequest.newBuilder().addFilters("id==web").build());
    assertEquals(1, one.getMetricsCount());
    assertEquals("web", one.getMetrics(0).getId());
    assertEquals("io.containerd.cgroups.v1.Metrics", one.getMetrics(0).getData().getTypeUrl());
  }

  @Test
  void unknownIdsAreNamed() {
    for (io.grpc.Status status :
        List.of(
            statusOf(() -> create("nobody")),
            statusOf(() -> start("nobody", "")),
            statusOf(() -> kill("nobody", "", 9)),
            statusOf(() -> await("nobody", "")),
            statusOf(() -> get("nobody", "")))) {
      assertEquals(io.grpc.Status.Code.NOT_FOUND, status.getCode());
      assertTrue(status.getDescription().contains("nobody"), status.getDescription());
    }
    create("web");
    io.grpc.Status exec = statusOf(() -> await("web", "e9"));
    assertTrue(exec.getDescription().contains("e9"), exec.getDescription());
  }

  private List<Descriptor> checkpoint(String id, CheckpointOptions.Builder options) {
    return tasks()
        .checkpoint(
            CheckpointTaskRequest.newBuilder()
                .setContainerId(id)
                .setOptions(Translation.packed(options.build()))
                .build())
        .getDescriptorsList();
  }

  private static io.grpc.Status refused(io.grpc.Status.Code code, String words, Runnable call) {
    io.grpc.Status status = statusOf(call);
    assertEquals(code, status.getCode(), status.getDescription());
    assertTrue(status.getDescription().contains(words), status.getDescription());
    assertEquals(1, status.getDescription().lines().count(), status.getDescription());
    return status;
  }

  private long files(String below) throws IOException {
    Path top = folder.resolve(below);
    if (!Files.exists(top)) {
      return 0;
    }
    try (Stream<Path> all = Files.walk(top)) {
      return all.filter(Files::isRegularFile).count();
    }
  }

  private int restore(String id, Descriptor images) {
    return tasks()
        .create(CreateTaskRequest.newBuilder().setContainerId(id).setCheckpoint(images).build())
        .getPid();
  }

  @Test
  void aCheckpointIsContentThatATaskIsRestoredFrom() throws Exception {
    create("web");
    refused(
        io.grpc.Status.Code.FAILED_PRECONDITION,
        "CREATED",
        () -> checkpoint("web", CheckpointOptions.newBuilder()));
    start("web", "");
    List<Descriptor> made = checkpoint("web", CheckpointOptions.newBuilder().setOpenTcp(true));
    assertEquals("checkpoint web with tcp", shim.calls.getLast());
    assertEquals(TaskCheckpoints.IMAGES, made.get(0).getMediaType());
    assertEquals(TaskCheckpoints.SPEC, made.get(1).getMediaType());
    byte[] spec =
        content.bytes("tests", Digest.parse(made.get(1).getDigest()), (int) made.get(1).getSize());
    assertEquals("spec", Any.parseFrom(spec).getTypeUrl());
    assertEquals(0, files("checkpoint"));
    // A paused one too; the same images again are the same blob.
    tasks().pause(PauseTaskRequest.newBuilder().setContainerId("web").build());
    assertEquals(made.get(1), checkpoint("web", CheckpointOptions.newBuilder()).get(1));

    createContainer("again");
    assertEquals(0, restore("again", made.get(0)));
    assertEquals("restore memory of web", shim.calls.getLast());
    assertEquals(1, files("restore"));
    assertEquals(Status.CREATED, get("again", "").getStatus());
    int pid = start("again", "");
    assertEquals(pid, get("again", "").getPid());
    assertEquals(0, files("restore"));
    kill("again", "", 9);
    assertEquals(137, await("again", "").getExitStatus());
  }

  @Test
  void aCheckpointIntoAFolderIsNoContent() throws Exception {
    create("web");
    start("web", "");
    Path images = Files.createDirectory(folder.resolve("images"));
    var options = CheckpointOptions.newBuilder().setImagePath(images.toString());
    assertEquals(List.of(), checkpoint("web", options));
    assertEquals("memory of web", Files.readString(images.resolve("pages-1.img")));
    assertEquals(List.of(), content.list("tests"));
    refused(
        io.grpc.Status.Code.INVALID_ARGUMENT,
        "absolute path",
        () -> checkpoint("web", CheckpointOptions.newBuilder().setImagePath("images")));
    refused(
        io.grpc.Status.Code.INVALID_ARGUMENT,
        "invalid task checkpoint option",
        () ->
            tasks()
                .checkpoint(
                    CheckpointTaskRequest.newBuilder()
                        .setContainerId("web")
                        .setOptions(Any.newBuilder().setTypeUrl("some.Other"))
                        .build()));
    // And back, as the options of a create name it.
    createContainer("again");
    tasks()
        .create(
            CreateTaskRequest.newBuilder()
                .setContainerId("again")
                .setOptions(
                    Translation.packed(
                        Options.newBuilder().setCriuImagePath(images.toString()).build()))
                .build());
    assertEquals("restore memory of web", shim.calls.getLast());
    start("again", "");
    assertTrue(Files.exists(images.resolve("pages-1.img")), "it is the client's");
  }

  @Test
  void whatCriuSaysIsHandedOnAndNothingIsLeft() throws Exception {
    create("web");
    start("web", "");
    shim.checkpointFault =
        "OCI runtime checkpoint failed: criu failed: type DUMP errno 22\nlog file: /x/dump.log";
    io.grpc.Status status =
        refused(
            io.grpc.Status.Code.FAILED_PRECONDITION,
            "criu failed: type DUMP errno 22",
            () -> checkpoint("web", CheckpointOptions.newBuilder()));
    assertTrue(status.getDescription().contains("no such page"), status.getDescription());
    shim.checkpointFault = "OCI runtime checkpoint failed: out of hats";
    refused(
        io.grpc.Status.Code.FAILED_PRECONDITION,
        "out of hats",
        () -> checkpoint("web", CheckpointOptions.newBuilder()));
    assertEquals(0, files("checkpoint"));
    assertEquals(0, files("content"));
    assertEquals(Status.RUNNING, get("web", "").getStatus());
  }

  @Test
  void onlyACheckpointThatIsThereIsRestored() throws Exception {
    Descriptor missing =
        Descriptor.newBuilder()
            .setMediaType(TaskCheckpoints.IMAGES)
            .setDigest("sha256:" + "0".repeat(64))
            .build();
    refused(io.grpc.Status.Code.NOT_FOUND, "0000", () -> restore("web", missing));
    Descriptor layer = missing.toBuilder().setMediaType("application/x-layer").build();
    refused(
        io.grpc.Status.Code.INVALID_ARGUMENT,
        "unsupported checkpoint type \"application/x-layer\"",
        () -> restore("web", layer));
    var scope = Scope.of(new Origin(Actor.daemon(), "", 0), "tests");
    Digest broken = content.put(scope, "no tar at all".repeat(100).getBytes(), Map.of());
    refused(
        io.grpc.Status.Code.INVALID_ARGUMENT,
        "tar",
        () -> restore("web", missing.toBuilder().setDigest(broken.toString()).build()));
    assertEquals(0, files("restore"));
    assertEquals(io.grpc.Status.Code.NOT_FOUND, statusOf(() -> get("web", "")).getCode());
    create("web");
  }

  /** It has no process: there is nothing to kill, and the task goes all the same. */
  @Test
  void aTaskThatWasNeverRestoredIsDeleted() throws Exception {
    create("web");
    start("web", "");
    Descriptor images = checkpoint("web", CheckpointOptions.newBuilder()).get(0);
    createContainer("again");
    restore("again", images);
    refused(io.grpc.Status.Code.FAILED_PRECONDITION, "no process", () -> kill("again", "", 9));
    var deleted = tasks().delete(DeleteTaskRequest.newBuilder().setContainerId("again").build());
    assertEquals(0, deleted.getPid());
    assertEquals(0, deleted.getExitStatus());
    assertEquals(0, files("restore"));
  }
}
