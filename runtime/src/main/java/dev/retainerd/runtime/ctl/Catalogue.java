package dev.retainerd.runtime.ctl;

import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.cri.PodContainerVerbs;
import dev.retainerd.runtime.ctl.cri.PodImageVerbs;
import dev.retainerd.runtime.ctl.cri.PodVerbs;
import dev.retainerd.runtime.ctl.history.DoctorVerb;
import dev.retainerd.runtime.ctl.history.EventsVerb;
import dev.retainerd.runtime.ctl.history.ExplainVerb;
import dev.retainerd.runtime.ctl.history.GarbageVerb;
import dev.retainerd.runtime.ctl.history.LogVerbs;
import dev.retainerd.runtime.ctl.image.ContentVerbs;
import dev.retainerd.runtime.ctl.image.ConvertVerb;
import dev.retainerd.runtime.ctl.image.ExportVerb;
import dev.retainerd.runtime.ctl.image.ImageVerbs;
import dev.retainerd.runtime.ctl.image.MountVerbs;
import dev.retainerd.runtime.ctl.image.PullVerb;
import dev.retainerd.runtime.ctl.image.PushVerb;
import dev.retainerd.runtime.ctl.image.RemoteObjectVerbs;
import dev.retainerd.runtime.ctl.image.SnapshotDiffVerbs;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.runtime.ctl.record.LeaseVerbs;
import dev.retainerd.runtime.ctl.record.NamespaceVerbs;
import dev.retainerd.runtime.ctl.record.PluginVerbs;
import dev.retainerd.runtime.ctl.record.ShimVerbs;
import dev.retainerd.runtime.ctl.record.SnapshotVerbs;
import dev.retainerd.runtime.ctl.task.CheckpointVerbs;
import dev.retainerd.runtime.ctl.task.CreateVerb;
import dev.retainerd.runtime.ctl.task.ExecVerb;
import dev.retainerd.runtime.ctl.task.RunVerb;
import dev.retainerd.runtime.ctl.task.StartVerbs;
import dev.retainerd.runtime.ctl.task.TaskVerbs;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Every noun and verb, as data: a run builds only the one that it was asked for, since building all
 * of them costs more than most verbs do.
 */
final class Catalogue {

  /** A verb: its names, the first one being the proper one, and how to make it. */
  record Entry(List<String> names, Supplier<Verb> make) {
    boolean is(String word) {
      return names.contains(word);
    }
  }

  /** A noun with its verbs; one without a description of its own stands for a verb at the top. */
  record Noun(List<String> names, String description, List<Entry> verbs) {
    boolean is(String word) {
      return names.contains(word);
    }

    Optional<Entry> verb(String word) {
      return verbs.stream().filter(entry -> entry.is(word)).findFirst();
    }
  }

  static final List<Noun> NOUNS =
      List.of(
          noun(
              "containers,c,container",
              "manage containers",
              verb("create", CreateVerb::new),
              verb("checkpoint", CheckpointVerbs.OfContainer::new),
              verb("list,ls", ContainerVerbs.Ls::new),
              verb("info", ContainerVerbs.Info::new),
              verb("delete,del,remove,rm", ContainerVerbs.Rm::new),
              verb("label", ContainerVerbs.Label::new),
              verb("restore", CheckpointVerbs.Restore::new)),
          noun(
              "content",
              "manage content",
              verb("list,ls", ContentVerbs.Ls::new),
              verb("active", ContentVerbs.Active::new),
              verb("get", ContentVerbs.Get::new),
              verb("fetch", RemoteObjectVerbs.Fetch::new),
              verb("fetch-object", RemoteObjectVerbs.FetchObject::new),
              verb("ingest", ContentVerbs.Ingest::new),
              verb("push-object", RemoteObjectVerbs.PushObject::new),
              verb("label", ContentVerbs.Label::new),
              verb("delete,del,remove,rm", ContentVerbs.Rm::new)),
          noun(
              "images,image,i",
              "manage images",
              verb("list,ls", ImageVerbs.Ls::new),
              verb("import", ImageVerbs.Import::new),
              verb("pull", PullVerb::new),
              verb("push", PushVerb::new),
              verb("export", ExportVerb::new),
              verb("convert", ConvertVerb::new),
              verb("mount", MountVerbs.MountImage::new),
              verb("unmount", MountVerbs.UnmountImage::new),
              verb("check", ImageVerbs.Check::new),
              verb("tag", ImageVerbs.Tag::new),
              verb("label", ImageVerbs.Label::new),
              verb("delete,del,remove,rm", ImageVerbs.Rm::new)),
          noun(
              "leases",
              "manage leases",
              verb("list,ls", LeaseVerbs.Ls::new),
              verb("create", LeaseVerbs.Create::new),
              verb("delete,del,remove,rm", LeaseVerbs.Rm::new)),
          noun(
              "log",
              "look after the event log",
              verb("status", LogVerbs.Status::new),
              verb("snapshot", LogVerbs.Snapshot::new),
              verb("archive", LogVerbs.Archive::new)),
          noun(
              "namespaces,namespace,ns",
              "manage namespaces",
              verb("list,ls", NamespaceVerbs.Ls::new),
              verb("create,c", NamespaceVerbs.Create::new),
              verb("label", NamespaceVerbs.Label::new),
              verb("remove,rm", NamespaceVerbs.Rm::new)),
          noun(
              "plugins,plugin",
              "what the daemon consists of",
              verb("list,ls", PluginVerbs.Ls::new)),
          noun(
              "pods,pod",
              "manage pods",
              verb("list,ls", PodVerbs.Ls::new),
              verb("run", PodVerbs.Run::new),
              verb("inspect", PodVerbs.Inspect::new),
              verb("stop", PodVerbs.Stop::new),
              verb("remove,rm", PodVerbs.Rm::new)),
          noun(
              "cri",
              "what kubelet asks for, in crictl's words",
              verb("pods", PodVerbs.Ls::new),
              verb("runp", PodVerbs.Run::new),
              verb("inspectp", PodVerbs.Inspect::new),
              verb("stopp", PodVerbs.Stop::new),
              verb("rmp", PodVerbs.Rm::new),
              verb("ps", PodContainerVerbs.Ps::new),
              verb("create", PodContainerVerbs.Create::new),
              verb("start", PodContainerVerbs.Start::new),
              verb("stop", PodContainerVerbs.Stop::new),
              verb("rm", PodContainerVerbs.Rm::new),
              verb("inspect", PodContainerVerbs.Inspect::new),
              verb("exec", PodContainerVerbs.Exec::new),
              verb("images", PodImageVerbs.Ls::new),
              verb("pull", PodImageVerbs.Pull::new),
              verb("rmi", PodImageVerbs.Rm::new),
              verb("inspecti", PodImageVerbs.Inspect::new),
              verb("imagefsinfo", PodImageVerbs.FsInfo::new),
              verb("info", PodImageVerbs.Info::new),
              verb("version", PodImageVerbs.Version::new)),
          noun(
              "shims,shim",
              "the parents of containers",
              verb("list,ls", ShimVerbs.Ls::new),
              verb("upgrade", ShimVerbs.Upgrade::new),
              verb("log", ShimVerbs.Log::new)),
          noun(
              "snapshots,snapshot",
              "manage snapshots",
              verb("list,ls", SnapshotVerbs.Ls::new),
              verb("info", SnapshotVerbs.Show::new),
              verb("tree", SnapshotVerbs.Tree::new),
              verb("usage", SnapshotVerbs.Usage::new),
              verb("prepare", SnapshotVerbs.Prepare::new),
              verb("view", SnapshotVerbs.View::new),
              verb("commit", SnapshotVerbs.Commit::new),
              verb("mounts,m,mount", SnapshotVerbs.Mounts::new),
              verb("diff", SnapshotDiffVerbs.Diff::new),
              verb("unpack", SnapshotDiffVerbs.Unpack::new),
              verb("label", SnapshotVerbs.Label::new),
              verb("delete,del,remove,rm", SnapshotVerbs.Rm::new)),
          noun(
              "tasks,t,task",
              "manage tasks",
              verb("attach", StartVerbs.Attach::new),
              verb("checkpoint", CheckpointVerbs.OfTask::new),
              verb("delete,del,remove,rm", TaskVerbs.Rm::new),
              verb("exec", ExecVerb::new),
              verb("kill", TaskVerbs.Kill::new),
              verb("list,ls", TaskVerbs.Ls::new),
              verb("metrics,metric", TaskVerbs.Metrics::new),
              verb("pause", TaskVerbs.Pause::new),
              verb("ps", TaskVerbs.Ps::new),
              verb("resume", TaskVerbs.Resume::new),
              verb("start", StartVerbs.Start::new)));

  /** Verbs that stand without a noun. */
  static final List<Entry> TOP =
      List.of(
          verb("run", RunVerb::new),
          verb("events,event", EventsVerb::new),
          verb("explain", ExplainVerb::new),
          verb("gc", GarbageVerb::new),
          verb("doctor", DoctorVerb::new),
          verb("version", VersionVerb::new));

  private Catalogue() {}

  private static Noun noun(String names, String description, Entry... verbs) {
    return new Noun(List.of(names.split(",", -1)), description, List.of(verbs));
  }

  private static Entry verb(String names, Supplier<Verb> make) {
    return new Entry(List.of(names.split(",", -1)), make);
  }
}
