package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.record.SnapshotVerbs;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.DeleteContentRequest;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import dev.retainerd.wire.containerd.services.diff.v1.DiffRequest;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.snapshots.v1.Info;
import dev.retainerd.wire.containerd.services.snapshots.v1.Kind;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotRequest;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Mount;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl snapshots diff} and {@code unpack}. */
public final class SnapshotDiffVerbs {

  private SnapshotDiffVerbs() {}

  /** Writes the difference of two to stdout, as a layer. */
  @Command(
      name = "diff",
      description =
          "get the diff of two snapshots. the default second snapshot is the first snapshot's"
              + " parent.")
  public static final class Diff extends SnapshotVerbs.Snapshotting {
    @Option(
        names = "--media-type",
        defaultValue = "application/vnd.oci.image.layer.v1.tar+gzip",
        description = "media type to use for creating diff")
    String mediaType;

    @Option(names = "--ref", defaultValue = "", description = "content upload reference to use")
    String ref;

    @Option(names = "--keep", description = "keep diff content. up to creator to delete it.")
    boolean keep;

    @Option(names = "--label", paramLabel = "KEY=VALUE", description = "labels of the content")
    List<String> labels = new ArrayList<>();

    @Parameters(index = "0", paramLabel = "A")
    String first;

    @Parameters(index = "1", arity = "0..1", paramLabel = "B")
    String second = "";

    private final List<String> views = new ArrayList<>();

    @Override
    protected int run(Session session) throws IOException {
      try (Leased lease = Leased.begin(session)) {
        try {
          // With one name: from its parent to it. With two: from the first to the second.
          String from = second.isEmpty() ? stat(session, first).getParent() : first;
          String to = second.isEmpty() ? first : second;
          DiffRequest.Builder request =
              DiffRequest.newBuilder()
                  .setMediaType(mediaType)
                  .setRef(ref)
                  .putAllLabels(Labels.parse(labels))
                  .addAllRight(mounts(session, to));
          if (!from.isEmpty()) {
            request.addAllLeft(mounts(session, from));
          }
          Descriptor made =
              session
                  .patient(DiffGrpc.newBlockingStub(session.channel()))
                  .diff(request.build())
                  .getDiff();
          new Blobs(session).copy(made.getDigest(), session.out());
          session.out().flush();
          if (!keep) {
            session
                .bounded(ContentGrpc.newBlockingStub(session.channel()))
                .delete(DeleteContentRequest.newBuilder().setDigest(made.getDigest()).build());
          }
        } finally {
          views.forEach(view -> remove(session, view));
        }
      }
      return 0;
    }

    private Info stat(Session session, String key) {
      return stub(session)
          .stat(StatSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
          .getInfo();
    }

    /** A committed snapshot is looked at through a view. */
    private List<Mount> mounts(Session session, String key) {
      if (stat(session, key).getKind() != Kind.COMMITTED) {
        return stub(session)
            .mounts(MountsRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
            .getMountsList();
      }
      String view = "view-" + UUID.randomUUID();
      List<Mount> mounts =
          stub(session)
              .view(
                  ViewSnapshotRequest.newBuilder()
                      .setSnapshotter(snapshotter)
                      .setKey(view)
                      .setParent(key)
                      .build())
              .getMountsList();
      views.add(view);
      return mounts;
    }

    private void remove(Session session, String key) {
      stub(session)
          .remove(
              RemoveSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build());
    }
  }

  /** Unpacks the images of a digest. */
  @Command(name = "unpack", description = "unpack applies layers from a manifest to a snapshot")
  public static final class Unpack extends SnapshotVerbs.Snapshotting {
    @Parameters(index = "0", paramLabel = "DIGEST", description = "what the image points at")
    String digest;

    @Override
    protected int run(Session session) {
      List<Image> found =
          ImageVerbs.all(session, List.of("target.digest==" + digest)).stream()
              .filter(image -> image.getTarget().getDigest().equals(digest))
              .toList();
      if (found.isEmpty()) {
        throw CommandFailure.of("no image points at " + digest + "; name a digest of images ls");
      }
      Image image = found.getFirst();
      try (Leased lease = Leased.begin(session)) {
        session.println("unpacking " + digest + " (" + image.getName() + ")...");
        String chain =
            new Unpacker(session, snapshotter)
                .unpack(
                    new Manifests(new Blobs(session))
                        .forThisNode(image.getName(), image.getTarget()));
        session.println(chain);
      }
      return 0;
    }
  }
}
