package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.container.RootFilesystems;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.image.Snapshotters;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.snapshot.Mount;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Root file systems as snapshots whose key is the container's id. In a user namespace the image's
 * layers are mounted with their owners mapped, and what the container writes lies on disk with the
 * owners that it really has.
 */
record SnapshotRootfs(Snapshotters snapshotters, DiffService diffs, NodeState state)
    implements RootFilesystems {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final String UPPER = "upperdir=";

  @Override
  public String snapshotter(SandboxRecord sandbox) {
    return snapshotters.ofHandler(sandbox.getRuntimeHandler()).snapshotter();
  }

  /** The one that a container was made in, whatever its pod's handler would get today. */
  private SnapshotService of(String containerId) {
    return state
        .get(Kind.CONTAINER.key(NAMESPACE, containerId))
        .flatMap(entry -> snapshotters.named(entry.getContainer().getSnapshotter()))
        .orElseGet(snapshotters::usual);
  }

  /** What a container has written, and what its snapshotter copied for it. */
  Usage usage(String containerId) {
    return of(containerId).usage(NAMESPACE, containerId);
  }

  @Override
  public Prepared prepare(
      Origin origin,
      String containerId,
      String chainId,
      SandboxRecord sandbox,
      Consumer<List<Event>> intents) {
    IdMappings ids = PodUsers.of(sandbox);
    Map<String, String> labels = PodUsers.labels(ids);
    SnapshotService.Made made =
        snapshotters
            .ofHandler(sandbox.getRuntimeHandler())
            .prepareWith(Scope.of(origin, NAMESPACE), containerId, chainId, labels, intents);
    if (!ids.equals(IdMappings.NONE)) {
      for (Mount mount : made.mounts()) {
        for (String option : mount.options()) {
          if (option.startsWith(UPPER)) {
            own(option.substring(UPPER.length()), ids, containerId);
          }
        }
      }
    }
    return new Prepared(root(made.mounts(), labels), made.outcome());
  }

  /** The top folder is the container's, with the owner it has in the image. */
  private static void own(String folder, IdMappings ids, String containerId) {
    byte[] name = DirectoryCalls.name(folder);
    try {
      FileStatus status = DirectoryCalls.stat(DirectoryCalls.CWD, name);
      long uid = IdMappings.outside(ids.uids(), Integer.toUnsignedLong(status.uid()));
      long gid = IdMappings.outside(ids.gids(), Integer.toUnsignedLong(status.gid()));
      DirectoryCalls.chownat(DirectoryCalls.CWD, name, (int) uid, (int) gid);
    } catch (SystemCallException e) {
      throw Refusal.internal(
          "the root folder of container " + containerId + " cannot be given to its root: " + e, e);
    }
  }

  @Override
  public List<RootMount> mounts(String containerId) {
    SnapshotService snapshots = of(containerId);
    Map<String, String> labels = snapshots.stat(NAMESPACE, containerId).getLabelsMap();
    return root(snapshots.mounts(NAMESPACE, containerId), labels);
  }

  @Override
  public void save(String containerId, Path layer) {
    SnapshotService snapshots = of(containerId);
    diffs.save(
        snapshots.mountsBelow(NAMESPACE, containerId),
        snapshots.mounts(NAMESPACE, containerId),
        layer);
  }

  @Override
  public void apply(String containerId, List<RootMount> mounts, Path layer) {
    diffs.apply(
        layer, mounts.stream().map(m -> new Mount(m.type(), m.source(), m.options())).toList());
  }

  private static List<RootMount> root(List<Mount> mounts, Map<String, String> labels) {
    List<String> users = PodUsers.options(labels);
    return mounts.stream().map(m -> PodUsers.shown(m, users)).toList();
  }

  @Override
  public void remove(
      Origin origin,
      String containerId,
      Consumer<List<Event>> intents,
      Consumer<List<Event>> outcomes) {
    of(containerId).removeWith(Scope.of(origin, NAMESPACE), containerId, intents, outcomes);
  }

  @Override
  public void remove(Origin origin, String containerId) {
    of(containerId).removeIfThere(Scope.of(origin, NAMESPACE), containerId);
  }
}
