package dev.retainerd.bench.scenario;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.Any;
import dev.retainerd.bench.client.ContainerSpec;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ExecProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.types.Mount;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The steps of a container's life over containerd's API. Safe for use by many threads. */
public final class Containers implements AutoCloseable {
  private static final String PROCESS_TYPE =
      "types.containerd.io/opencontainers/runtime-spec/1/Process";
  private static final int SIGKILL = 9;

  private final Target target;
  private final Path rootfs;
  private final RuntimeClient client;

  /**
   * {@code rootfs} is mounted read-only into every container, so that no snapshotter is measured.
   */
  public Containers(Target target, Path rootfs) {
    this.target = target;
    this.rootfs = rootfs;
    this.client = target.connect();
  }

  /** An id that no other run uses. */
  static String id(String what, int number) {
    return "bench-" + what + "-" + ProcessHandle.current().pid() + "-" + number;
  }

  /** The record of a container that will run {@code args}. */
  void create(String id, List<String> args) {
    client
        .containers()
        .create(
            CreateContainerRequest.newBuilder()
                .setContainer(
                    Container.newBuilder()
                        .setId(id)
                        .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
                        .setSpec(ContainerSpec.any(args, target.cgroup() + "/" + id)))
                .build());
  }

  /** Its task. */
  void createTask(String id) {
    client
        .tasks()
        .create(
            CreateTaskRequest.newBuilder()
                .setContainerId(id)
                .addRootfs(
                    Mount.newBuilder()
                        .setType("bind")
                        .setSource(rootfs.toString())
                        .addAllOptions(List.of("rbind", "ro")))
                .build());
  }

  /** Starts it; the answer comes when it has exited. */
  ListenableFuture<WaitResponse> start(String id) {
    ListenableFuture<WaitResponse> exit =
        client.tasksLater().wait(WaitRequest.newBuilder().setContainerId(id).build());
    client.tasks().start(StartRequest.newBuilder().setContainerId(id).build());
    return exit;
  }

  /** Waits until it has exited with 0. */
  static void awaitSuccess(String id, ListenableFuture<WaitResponse> exit) throws Exception {
    int status = exit.get(RuntimeClient.DEADLINE_SECONDS, TimeUnit.SECONDS).getExitStatus();
    if (status != 0) {
      throw new IllegalStateException(id + " exited with " + status + " instead of 0");
    }
  }

  /** SIGKILL, and waits for its end. */
  void kill(String id) throws Exception {
    ListenableFuture<WaitResponse> exit =
        client.tasksLater().wait(WaitRequest.newBuilder().setContainerId(id).build());
    client.tasks().kill(KillRequest.newBuilder().setContainerId(id).setSignal(SIGKILL).build());
    exit.get(RuntimeClient.DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** Deletes the task. */
  void deleteTask(String id) {
    client.tasks().delete(DeleteTaskRequest.newBuilder().setContainerId(id).build());
  }

  /** Deletes the record. */
  void delete(String id) {
    client.containers().delete(DeleteContainerRequest.newBuilder().setId(id).build());
  }

  /** Runs one more process in a running task and waits until it is gone again. */
  void exec(String id, String execId, List<String> args) throws Exception {
    client
        .tasks()
        .exec(
            ExecProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(execId)
                .setSpec(
                    Any.newBuilder().setTypeUrl(PROCESS_TYPE).setValue(ContainerSpec.process(args)))
                .build());
    ListenableFuture<WaitResponse> exit =
        client
            .tasksLater()
            .wait(WaitRequest.newBuilder().setContainerId(id).setExecId(execId).build());
    client.tasks().start(StartRequest.newBuilder().setContainerId(id).setExecId(execId).build());
    awaitSuccess(execId, exit);
    client
        .tasks()
        .deleteProcess(
            DeleteProcessRequest.newBuilder().setContainerId(id).setExecId(execId).build());
  }

  @Override
  public void close() {
    client.close();
  }
}
