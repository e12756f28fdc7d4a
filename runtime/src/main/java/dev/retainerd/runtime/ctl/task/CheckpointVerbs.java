package dev.retainerd.runtime.ctl.task;

import com.google.protobuf.Any;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.image.ImageVerbs;
import dev.retainerd.runtime.ctl.image.Leased;
import dev.retainerd.runtime.ctl.image.SnapshotLayer;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.CheckpointTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.PauseTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResumeTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.v1.types.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tasks checkpoint}, {@code containers checkpoint} and {@code containers restore}. */
public final class CheckpointVerbs {
  private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("MM-dd-yyyy-HH:mm:ss");

  private CheckpointVerbs() {}

  /** A task that stands still until closed; one that was paused already stays so. */
  private static final class Pause implements AutoCloseable {
    private final Session session;
    private final String id;
    private final boolean ours;

    Pause(Session session, String id) {
      this.session = session;
      this.id = id;
      this.ours =
          TaskVerbs.stub(session)
                  .get(GetRequest.newBuilder().setContainerId(id).build())
                  .getProcess()
                  .getStatus()
              != Status.PAUSED;
      if (ours) {
        TaskVerbs.stub(session).pause(PauseTaskRequest.newBuilder().setContainerId(id).build());
      }
    }

    @Override
    public void close() {
      if (ours) {
        try {
          TaskVerbs.stub(session).resume(ResumeTaskRequest.newBuilder().setContainerId(id).build());
        } catch (StatusRuntimeException e) {
          // It may have ended with the checkpoint.
          if (e.getStatus().getCode() != io.grpc.Status.Code.FAILED_PRECONDITION) {
            throw e;
          }
        }
      }
    }
  }

  private static List<Descriptor> checkpoint(
      Session session, String id, CheckpointOptions options) {
    return session
        .patient(TasksGrpc.newBlockingStub(session.channel()))
        .checkpoint(
            CheckpointTaskRequest.newBuilder().setContainerId(id).setOptions(any(options)).build())
        .getDescriptorsList();
  }

  private static Any any(CheckpointOptions options) {
    return Any.newBuilder()
        .setTypeUrl(options.getDescriptorForType().getFullName())
        .setValue(options.toByteString())
        .build();
  }

  /** The client's folder, as the daemon would find it. */
  private static String absolute(String path) {
    return path.isEmpty() ? "" : Path.of(path).toAbsolutePath().toString();
  }

  /** Checkpoints a task into an image, or into a folder; the daemon says why where it cannot. */
  @Command(name = "checkpoint", description = "checkpoint a container")
  public static final class OfTask extends Verb {
    @Option(names = "--exit", description = "stop the container after the checkpoint")
    boolean exit;

    @Option(
        names = "--image-path",
        defaultValue = "",
        paramLabel = "DIR",
        description = "path to criu image files")
    String imagePath;

    @Option(
        names = "--work-path",
        defaultValue = "",
        paramLabel = "DIR",
        description = "path to criu work files and logs")
    String workPath;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) throws IOException {
      Container container = ContainerVerbs.get(session, id);
      CheckpointOptions options =
          CheckpointOptions.newBuilder()
              .setExit(exit)
              .setImagePath(absolute(imagePath))
              .setWorkPath(absolute(workPath))
              .build();
      try (Leased lease = Leased.begin(session);
          Pause pause = new Pause(session, id)) {
        CheckpointIndex index = new CheckpointIndex(session);
        checkpoint(session, id, options).forEach(index::add);
        if (!imagePath.isEmpty()) {
          return 0;
        }
        if (!container.getImage().isEmpty()) {
          index.add(ImageVerbs.get(session, container.getImage()).getTarget());
          index.note("image.name", container.getImage());
        }
        if (!container.getSnapshotKey().isEmpty()) {
          index.add(written(session, container));
        }
        String name = "containerd.io/checkpoint/" + id + ":" + DATE.format(LocalDateTime.now());
        index.save(id, name, Map.of("containerd.io/checkpoint", "true"));
        session.println(name);
      }
      return 0;
    }
  }

  /** What the container has written over its image. */
  private static Descriptor written(Session session, Container container) {
    return new SnapshotLayer(session, container.getSnapshotter(), container.getSnapshotKey())
        .write("checkpoint-rw-" + container.getSnapshotKey());
  }

  /** Makes an image of a container. */
  @Command(name = "checkpoint", description = "checkpoint a container")
  public static final class OfContainer extends Verb {
    @Option(names = "--rw", description = "include the rw layer in the checkpoint")
    boolean rw;

    @Option(names = "--image", description = "include the image in the checkpoint")
    boolean image;

    @Option(names = "--task", description = "checkpoint container task")
    boolean task;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Parameters(index = "1", paramLabel = "REF")
    String ref;

    @Override
    protected int run(Session session) throws IOException {
      Container container = ContainerVerbs.get(session, id);
      if (container.getImage().isEmpty()) {
        throw CommandFailure.of("container " + id + " is of no image, so nothing could restore it");
      }
      try (Leased lease = Leased.begin(session)) {
        if (!hasTask(session)) {
          write(session, container);
          return 0;
        }
        try (Pause pause = new Pause(session, id)) {
          write(session, container);
        }
      }
      return 0;
    }

    private boolean hasTask(Session session) {
      try {
        TaskVerbs.stub(session).get(GetRequest.newBuilder().setContainerId(id).build());
        return true;
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() == io.grpc.Status.Code.NOT_FOUND) {
          return false;
        }
        throw e;
      }
    }

    private void write(Session session, Container container) throws IOException {
      CheckpointIndex index = new CheckpointIndex(session);
      index.note(CheckpointIndex.IMAGE_NAME, container.getImage());
      index.note(CheckpointIndex.RUNTIME_NAME, container.getRuntime().getName());
      index.note(CheckpointIndex.SNAPSHOTTER, container.getSnapshotter());
      if (container.getRuntime().hasOptions()) {
        index.add(
            CheckpointIndex.RUNTIME_OPTIONS,
            id + "-runtime-options",
            container.getRuntime().getOptions());
      }
      if (image) {
        index.add(ImageVerbs.get(session, container.getImage()).getTarget());
      }
      if (rw) {
        index.add(written(session, container));
      }
      if (task) {
        CheckpointOptions options = CheckpointOptions.newBuilder().setFileLocks(true).build();
        checkpoint(session, id, options).forEach(index::add);
        index.add(CheckpointIndex.OPTIONS, id + "-checkpoint-options", any(options));
      }
      index.save(id + "index", ref, Map.of());
    }
  }

  /** Makes a container of such an image, and starts it. */
  @Command(name = "restore", description = "restore a container from checkpoint")
  public static final class Restore extends Verb {
    @Option(names = "--rw", description = "restore the rw layer from the checkpoint")
    boolean rw;

    @Option(
        names = "--live",
        description = "restore the runtime and memory data from the checkpoint")
    boolean live;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Parameters(index = "1", paramLabel = "REF")
    String ref;

    @Override
    protected int run(Session session) throws IOException, InterruptedException {
      CheckpointIndex index = CheckpointIndex.of(session, ref);
      Optional<Descriptor> memory =
          live ? Optional.of(index.needed(CheckpointIndex.TASK)) : Optional.empty();
      Container container;
      try (Leased lease = Leased.begin(session)) {
        container = container(session, index);
      }
      var process = Trees.parse(container.getSpec().getValue()).getAsJsonObject("process");
      boolean tty =
          process != null && process.has("terminal") && process.get("terminal").getAsBoolean();
      // It goes on where it was, and its streams are not those it was made with: nobody reads them.
      var flags = new TaskRun.Flags(tty, true, !tty, "", "", "", false);
      try {
        return new TaskRun(session, container, flags, memory).run(Optional.empty());
      } catch (StatusRuntimeException e) {
        ContainerVerbs.delete(session, id, false);
        throw e;
      }
    }

    private Container container(Session session, CheckpointIndex index) throws IOException {
      String snapshotter = index.needs(CheckpointIndex.SNAPSHOTTER);
      String image = index.needs(CheckpointIndex.IMAGE_NAME);
      Any spec = index.value(index.needed(CheckpointIndex.SPEC));
      Container.Runtime.Builder runtime =
          Container.Runtime.newBuilder().setName(index.needs(CheckpointIndex.RUNTIME_NAME));
      Optional<Descriptor> options = index.part(CheckpointIndex.RUNTIME_OPTIONS);
      if (options.isPresent()) {
        runtime.setOptions(index.value(options.get()));
      }
      Images from = Images.unpacked(session, image, snapshotter);
      SnapshotsGrpc.SnapshotsBlockingStub snapshots =
          session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
      snapshots.prepare(
          PrepareSnapshotRequest.newBuilder()
              .setSnapshotter(snapshotter)
              .setKey(id)
              .setParent(from.chainId())
              .build());
      boolean done = false;
      try {
        if (rw) {
          new SnapshotLayer(session, snapshotter, id).apply(index.needed(SnapshotLayer.TYPE));
        }
        Container made =
            session
                .bounded(ContainersGrpc.newBlockingStub(session.channel()))
                .create(
                    CreateContainerRequest.newBuilder()
                        .setContainer(
                            Container.newBuilder()
                                .setId(id)
                                .setImage(image)
                                .setSnapshotter(snapshotter)
                                .setSnapshotKey(id)
                                .setRuntime(runtime)
                                .setSpec(spec))
                        .build())
                .getContainer();
        done = true;
        return made;
      } finally {
        if (!done) {
          snapshots.remove(
              RemoveSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(id).build());
        }
      }
    }
  }
}
