package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.checkpoint.TaskCheckpoints;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.group.GroupService;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.ImageTransfers;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.TaskService;
import io.grpc.BindableService;
import java.nio.file.Path;
import java.util.List;

/** All of containerd's API as one list of services, for the daemon's server. */
public final class ContainerdApi {

  /**
   * What stands behind the API.
   *
   * @param snapshotters those that clients can name
   * @param snapshotterRoot folder with a folder for each snapshotter
   */
  public record Behind(
      Journal journal,
      TaskService tasks,
      ExecService execs,
      TaskCheckpoints checkpoints,
      GroupService groups,
      ContentService content,
      List<SnapshotService> snapshotters,
      DiffService diffs,
      ImageTransfers transfers,
      ImagesApi.Collector collector,
      Path snapshotterRoot) {}

  private ContainerdApi() {}

  /**
   * The services, which tell of every event from now on.
   *
   * @param version of the daemon
   * @param revision the commit it was built from; empty if unknown
   */
  public static List<BindableService> services(Behind behind, String version, String revision) {
    Journal journal = behind.journal();
    var records = new JournalRecords(journal);
    var namespaces = new Namespaces(records);
    var streams = new Streams();
    return List.of(
        new VersionApi(version, revision),
        new IntrospectionApi(
            records,
            version,
            behind.snapshotterRoot().toString(),
            behind.snapshotters().stream().map(SnapshotService::snapshotter).toList()),
        new NamespacesApi(records),
        new ContainersApi(records, namespaces),
        new ImagesApi(records, namespaces, behind.collector()),
        new ContentApi(namespaces, behind.content()),
        new SnapshotsApi(namespaces, behind.snapshotters().toArray(SnapshotService[]::new)),
        new DiffApi(namespaces, behind.diffs()),
        new StreamingApi(streams),
        new TransferApi(namespaces, behind.transfers(), streams),
        new LeasesApi(records, namespaces),
        new TasksApi(behind.tasks(), behind.execs(), behind.checkpoints(), journal.state()),
        new SandboxStoreApi(records, namespaces),
        new SandboxControllerApi(behind.groups(), journal.state()),
        new EventsApi(JournalRecords.exchange(journal)));
  }
}
