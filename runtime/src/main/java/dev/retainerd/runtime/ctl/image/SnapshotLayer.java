package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyRequest;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import dev.retainerd.wire.containerd.services.diff.v1.DiffRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotRequest;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Mount;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.UUID;

/**
 * What a container has written, as a layer, and back.
 *
 * @param snapshotter whose the snapshot is
 * @param key of an active snapshot
 */
public record SnapshotLayer(Session session, String snapshotter, String key) {
  /** The layer's media type. */
  public static final String TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

  private SnapshotsGrpc.SnapshotsBlockingStub snapshots() {
    return session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
  }

  private List<Mount> mounts() {
    return snapshots()
        .mounts(MountsRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
        .getMountsList();
  }

  /** Writes what it has over its parent into content. */
  public Descriptor write(String ref) {
    String parent =
        snapshots()
            .stat(StatSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
            .getInfo()
            .getParent();
    DiffRequest.Builder request =
        DiffRequest.newBuilder().setMediaType(TYPE).setRef(ref).addAllRight(mounts());
    if (parent.isEmpty()) {
      return diff(request);
    }
    String view = "view-" + UUID.randomUUID();
    request.addAllLeft(
        snapshots()
            .view(
                ViewSnapshotRequest.newBuilder()
                    .setSnapshotter(snapshotter)
                    .setKey(view)
                    .setParent(parent)
                    .build())
            .getMountsList());
    try {
      return diff(request);
    } finally {
      remove(view);
    }
  }

  private Descriptor diff(DiffRequest.Builder request) {
    return session
        .patient(DiffGrpc.newBlockingStub(session.channel()))
        .diff(request.build())
        .getDiff();
  }

  private void remove(String view) {
    try {
      snapshots()
          .remove(
              RemoveSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(view).build());
    } catch (StatusRuntimeException left) {
      // It is garbage by then; what the operator has to read is said elsewhere.
    }
  }

  /** Unpacks such a layer onto it. */
  public void apply(Descriptor layer) {
    session
        .patient(DiffGrpc.newBlockingStub(session.channel()))
        .apply(ApplyRequest.newBuilder().setDiff(layer).addAllMounts(mounts()).build());
  }
}
