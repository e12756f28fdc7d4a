package dev.retainerd.runtime.ctl.record;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.v1.types.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl containers}: records, not processes; those are tasks. */
public final class ContainerVerbs {

  private ContainerVerbs() {}

  private static ContainersGrpc.ContainersBlockingStub stub(Session session) {
    return session.bounded(ContainersGrpc.newBlockingStub(session.channel()));
  }

  /** The record of that id. */
  public static Container get(Session session, String id) {
    return stub(session).get(GetContainerRequest.newBuilder().setId(id).build()).getContainer();
  }

  /** Lists them. */
  @Command(name = "list", description = "list containers")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the container id")
    boolean quiet;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      List<Container> all =
          stub(session)
              .list(ListContainersRequest.newBuilder().addAllFilters(filters).build())
              .getContainersList();
      if (session.json()) {
        JsonArray list = new JsonArray();
        all.forEach(one -> list.add(tree(one, false)));
        session.print(list);
        return 0;
      }
      Table table = Table.wide("CONTAINER", "IMAGE", "RUNTIME");
      for (Container one : all) {
        if (quiet) {
          session.println(one.getId());
        }
        table.row(
            one.getId(),
            one.getImage().isEmpty() ? "-" : one.getImage(),
            one.getRuntime().getName());
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Shows one. */
  @Command(name = "info", description = "get info about a container")
  public static final class Info extends Verb {
    @Option(names = "--spec", description = "only display the spec")
    boolean spec;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      Container container = get(session, id);
      session.print(spec ? Trees.of(container.getSpec()) : tree(container, true));
      return 0;
    }
  }

  private static JsonObject tree(Container c, boolean withSpec) {
    JsonObject tree = new JsonObject();
    tree.addProperty("ID", c.getId());
    tree.add("Labels", Trees.of(c.getLabelsMap()));
    tree.addProperty("Image", c.getImage());
    JsonObject runtime = new JsonObject();
    runtime.addProperty("Name", c.getRuntime().getName());
    runtime.add(
        "Options",
        c.getRuntime().hasOptions() ? Trees.of(c.getRuntime().getOptions()) : JsonNull.INSTANCE);
    tree.add("Runtime", runtime);
    tree.addProperty("SnapshotKey", c.getSnapshotKey());
    tree.addProperty("Snapshotter", c.getSnapshotter());
    tree.addProperty("CreatedAt", Times.rfc3339(c.getCreatedAt()));
    tree.addProperty("UpdatedAt", Times.rfc3339(c.getUpdatedAt()));
    JsonObject extensions = new JsonObject();
    for (Map.Entry<String, Any> entry : c.getExtensionsMap().entrySet()) {
      extensions.add(entry.getKey(), Trees.of(entry.getValue()));
    }
    tree.add("Extensions", extensions);
    if (!c.getSandbox().isEmpty()) {
      tree.addProperty("SandboxID", c.getSandbox());
    }
    if (withSpec) {
      tree.add("Spec", c.hasSpec() ? Trees.of(c.getSpec()) : JsonNull.INSTANCE);
    }
    return tree;
  }

  /** Deletes some, and their snapshots. */
  @Command(name = "delete", description = "delete one or more existing containers")
  public static final class Rm extends Verb {
    @Option(names = "--keep-snapshot", description = "do not clean up snapshot with container")
    boolean keepSnapshot;

    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(session, ids, id -> delete(session, id, keepSnapshot));
    }
  }

  /**
   * Deletes a container whose process does not run: its stopped task, its snapshot, its record.
   *
   * @throws CommandFailure where it still runs
   */
  public static void delete(Session session, String id, boolean keepSnapshot) {
    Container container = get(session, id);
    TasksGrpc.TasksBlockingStub tasks =
        session.bounded(TasksGrpc.newBlockingStub(session.channel()));
    try {
      Status status =
          tasks.get(GetRequest.newBuilder().setContainerId(id).build()).getProcess().getStatus();
      if (status != Status.STOPPED && status != Status.CREATED) {
        throw CommandFailure.of(
            "container "
                + id
                + " still has a task that is "
                + status
                + ": end it with \"retainctl tasks kill -s KILL "
                + id
                + "\" first");
      }
      tasks.delete(DeleteTaskRequest.newBuilder().setContainerId(id).build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != io.grpc.Status.Code.NOT_FOUND) {
        throw e;
      }
    }
    if (!keepSnapshot && !container.getSnapshotKey().isEmpty()) {
      removeSnapshot(session, container);
    }
    stub(session).delete(DeleteContainerRequest.newBuilder().setId(id).build());
  }

  private static void removeSnapshot(Session session, Container container) {
    try {
      session
          .bounded(SnapshotsGrpc.newBlockingStub(session.channel()))
          .remove(
              RemoveSnapshotRequest.newBuilder()
                  .setSnapshotter(container.getSnapshotter())
                  .setKey(container.getSnapshotKey())
                  .build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != io.grpc.Status.Code.NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Sets and clears labels. */
  @Command(name = "label", description = "set and clear labels for a container")
  public static final class Label extends Verb {
    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Map<String, String> wanted = Labels.parse(labels);
      Map<String, String> now = get(session, id).getLabelsMap();
      if (!wanted.isEmpty()) {
        FieldMask.Builder mask = FieldMask.newBuilder();
        wanted.keySet().forEach(key -> mask.addPaths("labels." + key));
        now =
            stub(session)
                .update(
                    UpdateContainerRequest.newBuilder()
                        .setContainer(Container.newBuilder().setId(id).putAllLabels(wanted))
                        .setUpdateMask(mask)
                        .build())
                .getContainer()
                .getLabelsMap();
      }
      session.println(Labels.text(now));
      return 0;
    }
  }
}
