package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.record.LeaseVerbs;
import dev.retainerd.runtime.linux.MountOptions;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.linux.SystemCallException;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteRequest;
import dev.retainerd.wire.containerd.services.leases.v1.LeasesGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotRequest;
import dev.retainerd.wire.containerd.types.Mount;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code retainctl images mount} and {@code unmount}: an image's files on a folder of the host. The
 * snapshot is called after the folder, and a lease of that name keeps it for a day.
 */
public final class MountVerbs {
  private static final long LIFE_MILLIS = Duration.ofHours(24).toMillis();

  private MountVerbs() {}

  private static SnapshotsGrpc.SnapshotsBlockingStub snapshots(Session session) {
    return session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
  }

  private static void release(Session session, String snapshotter, String key) {
    try {
      session
          .bounded(LeasesGrpc.newBlockingStub(session.channel()))
          .delete(DeleteRequest.newBuilder().setId(lease(key)).build());
      snapshots(session)
          .remove(
              RemoveSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
        throw e;
      }
    }
  }

  private static String lease(String key) {
    return "retainctl-mount-" + Manifests.sha256(key).substring("sha256:".length());
  }

  /** Mounts one. */
  @Command(name = "mount", description = "mount an image to a target path")
  public static final class MountImage extends Verb {
    @Option(names = "--rw", description = "Enable write support on the mount")
    boolean writable;

    @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
    String snapshotter;

    @Parameters(index = "0", paramLabel = "REF")
    String name;

    @Parameters(index = "1", paramLabel = "TARGET")
    String target;

    @Override
    protected int run(Session session) throws IOException {
      Path folder = Path.of(target).toAbsolutePath().normalize();
      if (!Files.isDirectory(folder)) {
        throw CommandFailure.of(folder + " is no folder; make it first");
      }
      String key = folder.toString();
      Image image = ImageVerbs.get(session, name);
      lend(session, key);
      boolean done = false;
      try {
        String chain =
            new Unpacker(session, snapshotter)
                .unpack(new Manifests(new Blobs(session)).forThisNode(name, image.getTarget()));
        for (Mount mount : mounts(session, key, chain)) {
          mount(mount, folder);
        }
        done = true;
      } finally {
        if (!done) {
          Mounts.unmountAll(folder);
          release(session, snapshotter, key);
        }
        session.under("");
      }
      session.println(target);
      return 0;
    }

    private static void lend(Session session, String key) {
      try {
        session.under(LeaseVerbs.create(session, lease(key), LIFE_MILLIS, Map.of()));
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
          throw e;
        }
        session.under(lease(key));
      }
    }

    private List<Mount> mounts(Session session, String key, String chain) {
      try {
        return writable
            ? snapshots(session)
                .prepare(
                    PrepareSnapshotRequest.newBuilder()
                        .setSnapshotter(snapshotter)
                        .setKey(key)
                        .setParent(chain)
                        .build())
                .getMountsList()
            : snapshots(session)
                .view(
                    ViewSnapshotRequest.newBuilder()
                        .setSnapshotter(snapshotter)
                        .setKey(key)
                        .setParent(chain)
                        .build())
                .getMountsList();
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
          throw e;
        }
        return snapshots(session)
            .mounts(MountsRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
            .getMountsList();
      }
    }
  }

  private static void mount(Mount mount, Path target) throws SystemCallException {
    MountOptions options = MountOptions.of(mount.getOptionsList());
    Mounts.mount(mount.getSource(), target, mount.getType(), options.flags(), options.data());
    if (options.bindsReadOnly()) {
      // The first call binds and does not heed the other flags.
      long again = Mounts.MS_REMOUNT | Mounts.MS_BIND | Mounts.MS_RDONLY;
      Mounts.mount(mount.getSource(), target, mount.getType(), again, null);
    }
  }

  /** Unmounts what is at a folder. */
  @Command(name = "unmount", description = "unmount the image from the target")
  public static final class UnmountImage extends Verb {
    @Option(names = "--rm", description = "remove the snapshot after a successful unmount")
    boolean remove;

    @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
    String snapshotter;

    @Parameters(index = "0", paramLabel = "TARGET")
    String target;

    @Override
    protected int run(Session session) throws IOException {
      Path folder = Path.of(target).toAbsolutePath().normalize();
      Mounts.unmountAll(folder);
      if (remove) {
        release(session, snapshotter, folder.toString());
      }
      session.println(target);
      return 0;
    }
  }
}
