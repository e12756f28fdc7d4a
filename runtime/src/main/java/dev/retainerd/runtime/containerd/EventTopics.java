package dev.retainerd.runtime.containerd;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.eventlog.proto.TaskMount;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.containerd.events.ContainerCreate;
import dev.retainerd.wire.containerd.events.ContainerDelete;
import dev.retainerd.wire.containerd.events.ContainerUpdate;
import dev.retainerd.wire.containerd.events.ContentCreate;
import dev.retainerd.wire.containerd.events.ContentDelete;
import dev.retainerd.wire.containerd.events.ImageCreate;
import dev.retainerd.wire.containerd.events.ImageDelete;
import dev.retainerd.wire.containerd.events.ImageUpdate;
import dev.retainerd.wire.containerd.events.NamespaceCreate;
import dev.retainerd.wire.containerd.events.NamespaceDelete;
import dev.retainerd.wire.containerd.events.NamespaceUpdate;
import dev.retainerd.wire.containerd.events.SandboxCreate;
import dev.retainerd.wire.containerd.events.SandboxExit;
import dev.retainerd.wire.containerd.events.SandboxStart;
import dev.retainerd.wire.containerd.events.SnapshotCommit;
import dev.retainerd.wire.containerd.events.SnapshotPrepare;
import dev.retainerd.wire.containerd.events.SnapshotRemove;
import dev.retainerd.wire.containerd.events.TaskCheckpointed;
import dev.retainerd.wire.containerd.events.TaskCreate;
import dev.retainerd.wire.containerd.events.TaskDelete;
import dev.retainerd.wire.containerd.events.TaskExecAdded;
import dev.retainerd.wire.containerd.events.TaskExecStarted;
import dev.retainerd.wire.containerd.events.TaskExit;
import dev.retainerd.wire.containerd.events.TaskIO;
import dev.retainerd.wire.containerd.events.TaskOOM;
import dev.retainerd.wire.containerd.events.TaskPaused;
import dev.retainerd.wire.containerd.events.TaskResumed;
import dev.retainerd.wire.containerd.events.TaskStart;
import dev.retainerd.wire.containerd.types.Mount;
import java.util.List;

/**
 * What containerd's clients are told of our events: a topic and a payload. Intents and what has no
 * counterpart there are told nowhere; the log has them.
 */
final class EventTopics {

  /**
   * One event as subscribers see it.
   *
   * @param namespace the namespace it happened in; for events about a namespace, that namespace
   */
  record Told(String namespace, String topic, Message payload) {}

  private EventTopics() {}

  /**
   * Translates one event; empty where there is nothing to tell.
   *
   * @param state the state after the event, for what the payload repeats from the record
   */
  static List<Told> of(String namespace, Event event, StateView state) {
    return switch (event) {
      case Event.NamespaceCreated e -> {
        var p = e.payload();
        yield told(
            p.getName(),
            "/namespaces/create",
            NamespaceCreate.newBuilder().setName(p.getName()).putAllLabels(p.getLabelsMap()));
      }
      case Event.NamespaceUpdated e -> {
        var p = e.payload();
        yield told(
            p.getName(),
            "/namespaces/update",
            NamespaceUpdate.newBuilder().setName(p.getName()).putAllLabels(p.getLabelsMap()));
      }
      case Event.NamespaceDeleted e -> {
        String name = e.payload().getName();
        yield told(name, "/namespaces/delete", NamespaceDelete.newBuilder().setName(name));
      }
      case Event.ImageCreated e -> {
        var image = e.payload().getImage();
        yield told(
            namespace,
            "/images/create",
            ImageCreate.newBuilder().setName(image.getName()).putAllLabels(image.getLabelsMap()));
      }
      case Event.ImageUpdated e -> {
        var image = e.payload().getImage();
        yield told(
            namespace,
            "/images/update",
            ImageUpdate.newBuilder().setName(image.getName()).putAllLabels(image.getLabelsMap()));
      }
      case Event.ImageDeleted e ->
          told(
              namespace, "/images/delete", ImageDelete.newBuilder().setName(e.payload().getName()));
      case Event.ContentCommitted e ->
          told(
              namespace,
              "/content/create",
              ContentCreate.newBuilder()
                  .setDigest(e.payload().getDigest())
                  .setSize(e.payload().getSize()));
      case Event.ContentDeleted e ->
          told(
              namespace,
              "/content/delete",
              ContentDelete.newBuilder().setDigest(e.payload().getDigest()));
      default -> ofContainersAndBelow(namespace, event, state);
    };
  }

  private static List<Told> ofContainersAndBelow(String namespace, Event event, StateView state) {
    return switch (event) {
      case Event.SnapshotPrepared e -> prepared(namespace, e, state);
      case Event.SnapshotCommitted e ->
          told(
              namespace,
              "/snapshot/commit",
              SnapshotCommit.newBuilder()
                  .setKey(e.payload().getKey())
                  .setName(e.payload().getName())
                  .setSnapshotter(e.payload().getSnapshotter()));
      case Event.SnapshotRemoved e ->
          told(
              namespace,
              "/snapshot/remove",
              SnapshotRemove.newBuilder()
                  .setKey(e.payload().getKey())
                  .setSnapshotter(e.payload().getSnapshotter()));
      case Event.ContainerCreated e -> created(namespace, e.payload().getContainer());
      case Event.ContainerUpdated e -> {
        var record = e.payload().getContainer();
        yield told(
            namespace,
            "/containers/update",
            ContainerUpdate.newBuilder()
                .setId(record.getId())
                .setImage(record.getImage())
                .putAllLabels(record.getLabelsMap())
                .setSnapshotKey(record.getSnapshotKey()));
      }
      case Event.ContainerRemoved e ->
          told(
              namespace,
              "/containers/delete",
              ContainerDelete.newBuilder().setId(e.payload().getId()));
      case Event.SandboxCreated e -> {
        String id = e.payload().getId();
        yield List.of(
            new Told(
                namespace,
                "/sandboxes/create",
                SandboxCreate.newBuilder().setSandboxId(id).build()),
            new Told(
                namespace, "/sandboxes/start", SandboxStart.newBuilder().setSandboxId(id).build()));
      }
      case Event.GroupCreated e ->
          told(
              namespace,
              "/sandboxes/create",
              SandboxCreate.newBuilder().setSandboxId(e.payload().getId()));
      case Event.GroupStarted e ->
          told(
              namespace,
              "/sandboxes/start",
              SandboxStart.newBuilder().setSandboxId(e.payload().getId()));
      case Event.GroupStopped e ->
          told(
              namespace,
              "/sandboxes/exit",
              SandboxExit.newBuilder().setSandboxId(e.payload().getId()));
      case Event.SandboxStopped e ->
          told(
              namespace,
              "/sandboxes/exit",
              SandboxExit.newBuilder().setSandboxId(e.payload().getId()));
      default -> ofTasks(namespace, event, state);
    };
  }

  private static List<Told> ofTasks(String namespace, Event event, StateView state) {
    return switch (event) {
      case Event.TaskCreated e -> taskCreated(namespace, e, state);
      case Event.TaskStarted e ->
          told(
              namespace,
              "/tasks/start",
              TaskStart.newBuilder()
                  .setContainerId(e.payload().getContainerId())
                  .setPid(e.payload().getPid()));
      case Event.TaskExited e -> {
        var p = e.payload();
        yield told(
            namespace,
            "/tasks/exit",
            exit(p.getContainerId(), p.getContainerId(), p.getPid(), p.getStatus())
                .setExitedAt(Translation.timestamp(p.getExitedAtNanos())));
      }
      case Event.TaskDeleted e -> {
        var p = e.payload();
        yield told(
            namespace,
            "/tasks/delete",
            TaskDelete.newBuilder()
                .setContainerId(p.getContainerId())
                .setPid(p.getPid())
                .setExitStatus(p.getStatus())
                .setExitedAt(Translation.timestamp(p.getExitedAtNanos())));
      }
      case Event.TaskOom e ->
          told(
              namespace,
              "/tasks/oom",
              TaskOOM.newBuilder().setContainerId(e.payload().getContainerId()));
      case Event.TaskPaused e ->
          told(
              namespace,
              "/tasks/paused",
              TaskPaused.newBuilder().setContainerId(e.payload().getContainerId()));
      case Event.TaskResumed e ->
          told(
              namespace,
              "/tasks/resumed",
              TaskResumed.newBuilder().setContainerId(e.payload().getContainerId()));
      case Event.TaskCheckpointed e ->
          told(
              namespace,
              "/tasks/checkpointed",
              TaskCheckpointed.newBuilder()
                  .setContainerId(e.payload().getContainerId())
                  .setCheckpoint(e.payload().getPath()));
      case Event.ExecAdded e ->
          told(
              namespace,
              "/tasks/exec-added",
              TaskExecAdded.newBuilder()
                  .setContainerId(e.payload().getContainerId())
                  .setExecId(e.payload().getExecId()));
      case Event.ExecStarted e ->
          told(
              namespace,
              "/tasks/exec-started",
              TaskExecStarted.newBuilder()
                  .setContainerId(e.payload().getContainerId())
                  .setExecId(e.payload().getExecId())
                  .setPid(e.payload().getProcess().getPid()));
      case Event.ExecExited e -> {
        var p = e.payload();
        yield told(
            namespace,
            "/tasks/exit",
            exit(p.getContainerId(), p.getExecId(), p.getPid(), p.getStatus())
                .setExitedAt(Translation.timestamp(p.getExitedAtNanos())));
      }
      default -> List.of();
    };
  }

  private static List<Told> told(String namespace, String topic, Message.Builder payload) {
    return List.of(new Told(namespace, topic, payload.build()));
  }

  private static List<Told> prepared(
      String namespace, Event.SnapshotPrepared event, StateView state) {
    String snapshotter = event.payload().getSnapshotter();
    String key = event.payload().getKey();
    String parent =
        state
            .get(Kind.SNAPSHOT.key(namespace, snapshotter + "/" + key))
            .map(SnapshotEntry::getSnapshot)
            .map(snapshot -> snapshot.getParent())
            .orElse("");
    return told(
        namespace,
        "/snapshot/prepare",
        SnapshotPrepare.newBuilder().setKey(key).setParent(parent).setSnapshotter(snapshotter));
  }

  private static List<Told> created(String namespace, ContainerRecord record) {
    var runtime = ContainerCreate.Runtime.newBuilder().setName(record.getRuntime());
    if (record.hasRuntimeOptions()) {
      runtime.setOptions(Translation.any(record.getRuntimeOptions()));
    }
    return told(
        namespace,
        "/containers/create",
        ContainerCreate.newBuilder()
            .setId(record.getId())
            .setImage(record.getImage())
            .setRuntime(runtime));
  }

  private static List<Told> taskCreated(
      String namespace, Event.TaskCreated event, StateView state) {
    String id = event.payload().getContainerId();
    TaskEntry task = state.get(Kind.TASK.key(namespace, id)).orElse(TaskEntry.getDefaultInstance());
    StdioPaths stdio = task.getStdio();
    return told(
        namespace,
        "/tasks/create",
        TaskCreate.newBuilder()
            .setContainerId(id)
            .setBundle(task.getBundle())
            .addAllRootfs(event.payload().getRootfsList().stream().map(EventTopics::mount).toList())
            .setCheckpoint(event.payload().getCheckpoint())
            .setIo(
                TaskIO.newBuilder()
                    .setStdin(stdio.getStdin())
                    .setStdout(stdio.getStdout())
                    .setStderr(stdio.getStderr())
                    .setTerminal(stdio.getTerminal()))
            .setPid(event.payload().getInit().getPid()));
  }

  private static Mount mount(TaskMount mount) {
    return Mount.newBuilder()
        .setType(mount.getType())
        .setSource(mount.getSource())
        .addAllOptions(mount.getOptionsList())
        .build();
  }

  private static TaskExit.Builder exit(String containerId, String id, int pid, int status) {
    return TaskExit.newBuilder()
        .setContainerId(containerId)
        .setId(id)
        .setPid(pid)
        .setExitStatus(status);
  }
}
