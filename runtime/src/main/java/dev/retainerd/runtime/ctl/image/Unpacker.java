package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyRequest;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.CommitSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Mount;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Unpacks an image's layers into snapshots, as any containerd client does: through the daemon. */
public final class Unpacker {
  private final Session session;
  private final String snapshotter;

  public Unpacker(Session session, String snapshotter) {
    this.session = session;
    this.snapshotter = snapshotter;
  }

  private SnapshotsGrpc.SnapshotsBlockingStub snapshots() {
    return session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
  }

  /** Whether a snapshot of that name is there. */
  public boolean exists(String key) {
    try {
      snapshots()
          .stat(StatSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build());
      return true;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** Unpacks what is not unpacked yet and returns the chain id of the top layer. */
  public String unpack(Manifests.Manifest image) {
    List<String> diffIds = image.diffIds();
    if (diffIds.size() != image.layers().size()) {
      throw CommandFailure.of(
          "manifest "
              + image.digest()
              + " has "
              + image.layers().size()
              + " layers, its config "
              + diffIds.size()
              + ": the image is broken");
    }
    String parent = "";
    for (int i = 0; i < diffIds.size(); i++) {
      String chain = Manifests.chainId(diffIds.subList(0, i + 1));
      if (!exists(chain)) {
        layer(image.layers().get(i), diffIds.get(i), parent, chain);
      }
      parent = chain;
    }
    if (!parent.isEmpty()) {
      new Blobs(session)
          .label(
              image.configDigest(), Map.of("containerd.io/gc.ref.snapshot." + snapshotter, parent));
    }
    return parent;
  }

  private void layer(Descriptor layer, String diffId, String parent, String chain) {
    String key = "extract-" + UUID.randomUUID() + " " + chain;
    List<Mount> mounts =
        snapshots()
            .prepare(
                PrepareSnapshotRequest.newBuilder()
                    .setSnapshotter(snapshotter)
                    .setKey(key)
                    .setParent(parent)
                    .putLabels("containerd.io/snapshot.ref", chain)
                    .build())
            .getMountsList();
    boolean done = false;
    try {
      Descriptor applied =
          session
              .patient(DiffGrpc.newBlockingStub(session.channel()))
              .apply(ApplyRequest.newBuilder().setDiff(layer).addAllMounts(mounts).build())
              .getApplied();
      if (!applied.getDigest().equals(diffId)) {
        throw CommandFailure.of(
            "layer "
                + layer.getDigest()
                + " unpacks to "
                + applied.getDigest()
                + ", not to "
                + diffId
                + " as the image says: the image is broken");
      }
      commit(key, chain);
      done = true;
    } finally {
      if (!done) {
        remove(key);
      }
    }
  }

  private void commit(String key, String chain) {
    try {
      snapshots()
          .commit(
              CommitSnapshotRequest.newBuilder()
                  .setSnapshotter(snapshotter)
                  .setKey(key)
                  .setName(chain)
                  .build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
        throw e;
      }
      // Somebody else unpacked the same layer meanwhile.
      remove(key);
    }
  }

  private void remove(String key) {
    try {
      snapshots()
          .remove(
              RemoveSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build());
    } catch (StatusRuntimeException gone) {
      // The failure that brought us here is what the operator has to read.
    }
  }
}
