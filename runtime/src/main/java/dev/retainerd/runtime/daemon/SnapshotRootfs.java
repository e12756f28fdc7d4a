package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.container.RootFilesystems;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.RootMount;
import java.util.List;
import java.util.Map;

/** Root file systems as snapshots whose key is the container's id. */
record SnapshotRootfs(SnapshotService snapshots) implements RootFilesystems {
  private static final String NAMESPACE = SandboxService.NAMESPACE;

  @Override
  public String snapshotter() {
    return snapshots.snapshotter();
  }

  @Override
  public void prepare(Origin origin, String containerId, String chainId) {
    snapshots.prepare(Scope.of(origin, NAMESPACE), containerId, chainId, Map.of());
  }

  @Override
  public List<RootMount> mounts(String containerId) {
    return snapshots.mounts(NAMESPACE, containerId).stream()
        .map(m -> new RootMount(m.type(), m.source(), m.options()))
        .toList();
  }

  @Override
  public void remove(Origin origin, String containerId) {
    snapshots.removeIfThere(Scope.of(origin, NAMESPACE), containerId);
  }
}
