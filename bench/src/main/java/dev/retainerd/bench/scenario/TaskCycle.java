package dev.retainerd.bench.scenario;

import com.google.common.util.concurrent.ListenableFuture;
import dev.retainerd.bench.client.ContainerSpec;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.node.Node;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.types.Mount;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** create, start, exit, delete of a container that runs {@code true}, over containerd's API. */
public final class TaskCycle implements Scenario {
  private final Node node;
  private final Path rootfs;
  private final RuntimeClient client;

  /**
   * {@code rootfs} is mounted read-only into every container, so that no snapshotter is measured.
   */
  public TaskCycle(Node node, Path rootfs) {
    this.node = node;
    this.rootfs = rootfs;
    this.client = node.connect();
  }

  @Override
  public String target() {
    return node.name();
  }

  @Override
  public void prepare() {}

  @Override
  public Map<String, Long> round(int number) throws Exception {
    String id = "bench-" + ProcessHandle.current().pid() + "-" + number;
    Phases phases = new Phases();
    client.containers().create(CreateContainerRequest.newBuilder().setContainer(of(id)).build());
    phases.lap("create container");
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
    phases.lap("create task");
    ListenableFuture<WaitResponse> exit =
        client.tasksLater().wait(WaitRequest.newBuilder().setContainerId(id).build());
    client.tasks().start(StartRequest.newBuilder().setContainerId(id).build());
    phases.lap("start");
    WaitResponse exited = exit.get(RuntimeClient.DEADLINE_SECONDS, TimeUnit.SECONDS);
    phases.lap("exit");
    client.tasks().delete(DeleteTaskRequest.newBuilder().setContainerId(id).build());
    client.containers().delete(DeleteContainerRequest.newBuilder().setId(id).build());
    phases.lap("delete");
    if (exited.getExitStatus() != 0) {
      throw new IllegalStateException(
          "container " + id + " exited with " + exited.getExitStatus() + " instead of 0");
    }
    return phases.finish();
  }

  private static Container of(String id) {
    return Container.newBuilder()
        .setId(id)
        .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
        .setSpec(ContainerSpec.any(List.of("/bin/true"), "/retain-bench/" + id))
        .build();
  }

  @Override
  public void close() {
    client.close();
  }
}
