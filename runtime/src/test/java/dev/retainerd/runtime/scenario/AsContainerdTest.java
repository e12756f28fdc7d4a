package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import dev.retainerd.wire.containerd.services.content.v1.AbortRequest;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.DeleteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.InfoRequest;
import dev.retainerd.wire.containerd.services.content.v1.ListContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ReadContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.StatusRequest;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyRequest;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import dev.retainerd.wire.containerd.services.diff.v1.DiffRequest;
import dev.retainerd.wire.containerd.services.images.v1.CreateImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.DeleteImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.GetImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.images.v1.ImagesGrpc;
import dev.retainerd.wire.containerd.services.images.v1.ListImagesRequest;
import dev.retainerd.wire.containerd.services.images.v1.UpdateImageRequest;
import dev.retainerd.wire.containerd.services.leases.v1.AddResourceRequest;
import dev.retainerd.wire.containerd.services.leases.v1.CreateRequest;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteRequest;
import dev.retainerd.wire.containerd.services.leases.v1.LeasesGrpc;
import dev.retainerd.wire.containerd.services.leases.v1.ListRequest;
import dev.retainerd.wire.containerd.services.leases.v1.ListResourcesRequest;
import dev.retainerd.wire.containerd.services.leases.v1.Resource;
import dev.retainerd.wire.containerd.services.namespaces.v1.CreateNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.DeleteNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.GetNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.Namespace;
import dev.retainerd.wire.containerd.services.namespaces.v1.NamespacesGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.CommitSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.Info;
import dev.retainerd.wire.containerd.services.snapshots.v1.ListSnapshotsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UpdateSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UsageRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListTasksRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.types.Descriptor;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The same calls, one after the other, to retainerd and to the machine's containerd: errors of
 * every kind, filters, field masks and labels. Both must give the same code, and for what they list
 * or change the same answer.
 */
@Tag("real")
class AsContainerdTest {
  /**
   * Where we differ on purpose: containerd takes an expression that cannot be read for one that
   * fits nothing, and answers UNKNOWN to one on a snapshot's parent.
   */
  private static final Set<String> BETTER = Set.of("list id~=(", "snapshots parent~=.");

  private static final String NO_DIGEST = "sha256:" + "0".repeat(64);
  private static final String OVERLAY = "overlayfs";

  /** A call, and what of its answer has to be the same. */
  private record Row(String name, Function<Channel, Object> call) {}

  private final List<Row> rows = new ArrayList<>();

  private void row(String name, Function<Channel, Object> call) {
    rows.add(new Row(name, call));
  }

  private static <S extends io.grpc.stub.AbstractStub<S>> S soon(S stub) {
    return stub.withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private static ContainersGrpc.ContainersBlockingStub containers(Channel c) {
    return soon(ContainersGrpc.newBlockingStub(c));
  }

  private static ImagesGrpc.ImagesBlockingStub images(Channel c) {
    return soon(ImagesGrpc.newBlockingStub(c));
  }

  private static SnapshotsGrpc.SnapshotsBlockingStub snapshots(Channel c) {
    return soon(SnapshotsGrpc.newBlockingStub(c));
  }

  private static ContentGrpc.ContentBlockingStub content(Channel c) {
    return soon(ContentGrpc.newBlockingStub(c));
  }

  private static LeasesGrpc.LeasesBlockingStub leases(Channel c) {
    return soon(LeasesGrpc.newBlockingStub(c));
  }

  private static NamespacesGrpc.NamespacesBlockingStub namespaces(Channel c) {
    return soon(NamespacesGrpc.newBlockingStub(c));
  }

  private static TasksGrpc.TasksBlockingStub tasks(Channel c) {
    return soon(TasksGrpc.newBlockingStub(c));
  }

  private static Container container(String id, String... labels) {
    Container.Builder built =
        Container.newBuilder()
            .setId(id)
            .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
            .setSpec(
                Any.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Spec")
                    .setValue(ByteString.copyFromUtf8("{}")));
    for (int i = 0; i < labels.length; i += 2) {
      built.putLabels(labels[i], labels[i + 1]);
    }
    return built.build();
  }

  private static FieldMask mask(String... paths) {
    return FieldMask.newBuilder().addAllPaths(List.of(paths)).build();
  }

  private void containerRows() {
    for (String bad : List.of("", "../x", "a b", "x".repeat(80), "-x")) {
      row(
          "create container \"" + bad + "\"",
          c ->
              containers(c)
                  .create(
                      CreateContainerRequest.newBuilder().setContainer(container(bad)).build()));
    }
    row("create a", c -> created(c, container("a", "x/y", "1", "z", "2")));
    row("create b", c -> created(c, container("b", "z", "3")));
    row("create a again", c -> created(c, container("a")));
    row(
        "create without a runtime",
        c -> created(c, container("n").toBuilder().clearRuntime().build()));
    row("create without a spec", c -> created(c, container("n").toBuilder().clearSpec().build()));
    row("label too long", c -> created(c, container("l", "k".repeat(4000), "v".repeat(200))));
    row("get none", c -> containers(c).get(GetContainerRequest.newBuilder().setId("no").build()));
    row(
        "delete none",
        c -> containers(c).delete(DeleteContainerRequest.newBuilder().setId("no").build()));
    for (String filter :
        List.of(
            "id==a",
            "id!=a",
            "id~=^[ab]$",
            "labels.\"x/y\"==1",
            "labels.\"x/y\"",
            "labels.z~=/2|3/",
            "labels.z==2,id==a",
            "labels.z==2,id==b",
            "runtime.name==io.containerd.runc.v2",
            "image==none",
            "nothing==1",
            "id=a",
            "id==\"a",
            "labels.\"z==2",
            "id~=(",
            "==a",
            "id==a,")) {
      row("list " + filter, c -> listed(c, filter));
    }
    row("update labels.z", c -> updated(c, container("a", "z", "9", "w", "5"), mask("labels.z")));
    row("update drops labels.z", c -> updated(c, container("a"), mask("labels.z")));
    row("update labels", c -> updated(c, container("a", "only", "1"), mask("labels")));
    row("update a field that cannot be", c -> updated(c, container("a"), mask("created_at")));
    row("update none", c -> updated(c, container("no"), mask("labels")));
    row("update the runtime", c -> updated(c, container("a"), mask("runtime")));
    row("update without an id", c -> updated(c, container(""), mask("labels")));
  }

  private static Object created(Channel c, Container container) {
    return containers(c)
        .create(CreateContainerRequest.newBuilder().setContainer(container).build())
        .getContainer()
        .getLabelsMap();
  }

  private static Object listed(Channel c, String filter) {
    return containers(c)
        .list(ListContainersRequest.newBuilder().addFilters(filter).build())
        .getContainersList()
        .stream()
        .map(Container::getId)
        .sorted()
        .toList();
  }

  private static Object updated(Channel c, Container container, FieldMask mask) {
    return new java.util.TreeMap<>(
        containers(c)
            .update(
                UpdateContainerRequest.newBuilder()
                    .setContainer(container)
                    .setUpdateMask(mask)
                    .build())
            .getContainer()
            .getLabelsMap());
  }

  private static Image image(String name, String type, long size, String digest) {
    return Image.newBuilder()
        .setName(name)
        .putLabels("l", "1")
        .setTarget(Descriptor.newBuilder().setMediaType(type).setSize(size).setDigest(digest))
        .build();
  }

  private static Object named(Channel c, Image image) {
    return images(c)
        .create(CreateImageRequest.newBuilder().setImage(image).build())
        .getImage()
        .getName();
  }

  private void imageRows() {
    String type = "application/vnd.oci.image.manifest.v1+json";
    row("get no image", c -> images(c).get(GetImageRequest.newBuilder().setName("no").build()));
    row(
        "delete no image",
        c -> images(c).delete(DeleteImageRequest.newBuilder().setName("no").build()));
    row("image without a name", c -> named(c, image("", type, 5, NO_DIGEST)));
    row("image without a size", c -> named(c, image("i", type, 0, NO_DIGEST)));
    row("image without a type", c -> named(c, image("i", "", 5, NO_DIGEST)));
    row("image without a digest", c -> named(c, image("i", type, 5, "")));
    row("image with a wrong digest", c -> named(c, image("i", type, 5, "sha256:12")));
    row("image", c -> named(c, image("docker.io/x/y:1", type, 5, NO_DIGEST)));
    row("image again", c -> named(c, image("docker.io/x/y:1", type, 5, NO_DIGEST)));
    for (String filter :
        List.of(
            "name==docker.io/x/y:1",
            "name~=x/y",
            "target.digest==" + NO_DIGEST,
            "labels.l==1",
            "target.mediatype~=oci",
            "annotations.a==b")) {
      row(
          "images " + filter,
          c ->
              images(c)
                  .list(ListImagesRequest.newBuilder().addFilters(filter).build())
                  .getImagesList()
                  .stream()
                  .map(Image::getName)
                  .toList());
    }
    row(
        "update an image's label",
        c ->
            images(c)
                .update(
                    UpdateImageRequest.newBuilder()
                        .setImage(Image.newBuilder().setName("docker.io/x/y:1").putLabels("l", "2"))
                        .setUpdateMask(mask("labels.l"))
                        .build())
                .getImage()
                .getLabelsMap());
    row(
        "update an image's name",
        c ->
            images(c)
                .update(
                    UpdateImageRequest.newBuilder()
                        .setImage(Image.newBuilder().setName("docker.io/x/y:1"))
                        .setUpdateMask(mask("name"))
                        .build())
                .getImage()
                .getName());
    row(
        "update no image",
        c ->
            images(c)
                .update(
                    UpdateImageRequest.newBuilder()
                        .setImage(image("no", type, 5, NO_DIGEST))
                        .build()));
  }

  private void snapshotRows() {
    row("prepare", c -> prepared(c, OVERLAY, "one", ""));
    row("prepare again", c -> prepared(c, OVERLAY, "one", ""));
    row("prepare on none", c -> prepared(c, OVERLAY, "two", "no"));
    row("prepare on an active one", c -> prepared(c, OVERLAY, "two", "one"));
    row("prepare in no snapshotter", c -> prepared(c, "", "two", ""));
    row("prepare in an unknown one", c -> prepared(c, "zfs9", "two", ""));
    row("commit none", c -> committed(c, "done", "no"));
    row("commit", c -> committed(c, "done", "one"));
    row("commit again", c -> committed(c, "done", "one"));
    row("commit a committed one", c -> committed(c, "done2", "done"));
    row("prepare on it", c -> prepared(c, OVERLAY, "child", "done"));
    row(
        "mounts of a committed one",
        c ->
            snapshots(c)
                .mounts(MountsRequest.newBuilder().setSnapshotter(OVERLAY).setKey("done").build())
                .getMountsCount());
    row(
        "mounts of none",
        c ->
            snapshots(c)
                .mounts(MountsRequest.newBuilder().setSnapshotter(OVERLAY).setKey("no").build())
                .getMountsCount());
    row("remove with a child", c -> removed(c, "done"));
    row("remove none", c -> removed(c, "no"));
    row(
        "stat none",
        c ->
            snapshots(c)
                .stat(
                    StatSnapshotRequest.newBuilder().setSnapshotter(OVERLAY).setKey("no").build()));
    row(
        "usage of none",
        c ->
            snapshots(c)
                .usage(UsageRequest.newBuilder().setSnapshotter(OVERLAY).setKey("no").build()));
    for (String filter :
        List.of("kind==committed", "kind==active", "name==child", "parent==done", "parent~=.")) {
      row("snapshots " + filter, c -> snapshotNames(c, filter));
    }
    row(
        "update a snapshot's kind",
        c ->
            snapshots(c)
                .update(
                    UpdateSnapshotRequest.newBuilder()
                        .setSnapshotter(OVERLAY)
                        .setInfo(Info.newBuilder().setName("done"))
                        .setUpdateMask(mask("kind"))
                        .build()));
    row(
        "update a snapshot's label",
        c ->
            snapshots(c)
                .update(
                    UpdateSnapshotRequest.newBuilder()
                        .setSnapshotter(OVERLAY)
                        .setInfo(Info.newBuilder().setName("done").putLabels("a", "b"))
                        .setUpdateMask(mask("labels.a"))
                        .build())
                .getInfo()
                .getLabelsMap());
    row("remove the child", c -> removed(c, "child"));
  }

  private static Object prepared(Channel c, String snapshotter, String key, String parent) {
    return snapshots(c)
        .prepare(
            PrepareSnapshotRequest.newBuilder()
                .setSnapshotter(snapshotter)
                .setKey(key)
                .setParent(parent)
                .putLabels("containerd.io/gc.root", "1")
                .build())
        .getMountsList()
        .stream()
        .map(dev.retainerd.wire.containerd.types.Mount::getType)
        .toList();
  }

  private static Object committed(Channel c, String name, String key) {
    return snapshots(c)
        .commit(
            CommitSnapshotRequest.newBuilder()
                .setSnapshotter(OVERLAY)
                .setName(name)
                .setKey(key)
                .putLabels("containerd.io/gc.root", "1")
                .build());
  }

  private static Object removed(Channel c, String key) {
    return snapshots(c)
        .remove(RemoveSnapshotRequest.newBuilder().setSnapshotter(OVERLAY).setKey(key).build());
  }

  private static Object snapshotNames(Channel c, String filter) {
    List<String> names = new ArrayList<>();
    snapshots(c)
        .list(ListSnapshotsRequest.newBuilder().setSnapshotter(OVERLAY).addFilters(filter).build())
        .forEachRemaining(part -> part.getInfoList().forEach(info -> names.add(info.getName())));
    return names.stream().sorted().toList();
  }

  private void contentRows() {
    row(
        "info of none",
        c -> content(c).info(InfoRequest.newBuilder().setDigest(NO_DIGEST).build()));
    row("info of no digest", c -> content(c).info(InfoRequest.newBuilder().setDigest("x").build()));
    row(
        "delete no blob",
        c -> content(c).delete(DeleteContentRequest.newBuilder().setDigest(NO_DIGEST).build()));
    row(
        "delete no digest",
        c -> content(c).delete(DeleteContentRequest.newBuilder().setDigest("x").build()));
    row(
        "read none",
        c ->
            content(c)
                .read(ReadContentRequest.newBuilder().setDigest(NO_DIGEST).build())
                .hasNext());
    row(
        "read no digest",
        c -> content(c).read(ReadContentRequest.newBuilder().setDigest("x").build()).hasNext());
    row("status of none", c -> content(c).status(StatusRequest.newBuilder().setRef("no").build()));
    row("abort none", c -> content(c).abort(AbortRequest.newBuilder().setRef("no").build()));
    row(
        "list by a broken filter",
        c ->
            content(c)
                .list(ListContentRequest.newBuilder().addFilters("digest==\"").build())
                .hasNext());
    row(
        "apply no blob",
        c ->
            soon(DiffGrpc.newBlockingStub(c))
                .apply(
                    ApplyRequest.newBuilder()
                        .setDiff(
                            Descriptor.newBuilder()
                                .setDigest(NO_DIGEST)
                                .setSize(5)
                                .setMediaType("application/vnd.oci.image.layer.v1.tar"))
                        .build()));
    row(
        "diff of an unknown type",
        c ->
            soon(DiffGrpc.newBlockingStub(c))
                .diff(DiffRequest.newBuilder().setMediaType("text/plain").build()));
  }

  private void leaseRows() {
    row(
        "lease",
        c ->
            leases(c)
                .create(CreateRequest.newBuilder().setId("l").putLabels("a", "b").build())
                .getLease()
                .getId());
    row("lease again", c -> leases(c).create(CreateRequest.newBuilder().setId("l").build()));
    row("delete no lease", c -> leases(c).delete(DeleteRequest.newBuilder().setId("no").build()));
    for (String filter : List.of("id==l", "labels.a==b", "labels.a==c")) {
      row(
          "leases " + filter,
          c ->
              leases(c).list(ListRequest.newBuilder().addFilters(filter).build()).getLeasesCount());
    }
    for (String type :
        List.of("content", "ingests", "snapshots/overlayfs", "snapshots", "what", "")) {
      row(
          "a lease holds \"" + type + "\"",
          c ->
              leases(c)
                  .addResource(
                      AddResourceRequest.newBuilder()
                          .setId("l")
                          .setResource(Resource.newBuilder().setId(NO_DIGEST).setType(type))
                          .build()));
    }
    row(
        "resources of no lease",
        c -> leases(c).listResources(ListResourcesRequest.newBuilder().setId("no").build()));
    row(
        "resources",
        c ->
            leases(c)
                .listResources(ListResourcesRequest.newBuilder().setId("l").build())
                .getResourcesCount());
  }

  private void namespaceAndTaskRows() {
    for (String bad : List.of("", "../x", "a b", "x".repeat(80))) {
      row(
          "create namespace \"" + bad + "\"",
          c ->
              namespaces(c)
                  .create(
                      CreateNamespaceRequest.newBuilder()
                          .setNamespace(Namespace.newBuilder().setName(bad))
                          .build()));
    }
    row(
        "delete no namespace",
        c -> namespaces(c).delete(DeleteNamespaceRequest.newBuilder().setName("no-such").build()));
    row(
        "delete one in use",
        c -> namespaces(c).delete(DeleteNamespaceRequest.newBuilder().setName("same").build()));
    row(
        "get the own",
        c ->
            namespaces(c)
                .get(GetNamespaceRequest.newBuilder().setName("same").build())
                .getNamespace()
                .getName());
    row("get no task", c -> tasks(c).get(GetRequest.newBuilder().setContainerId("no").build()));
    row(
        "get no task of a container",
        c -> tasks(c).get(GetRequest.newBuilder().setContainerId("a").build()));
    row(
        "start no task",
        c -> tasks(c).start(StartRequest.newBuilder().setContainerId("a").build()));
    row(
        "kill no task",
        c -> tasks(c).kill(KillRequest.newBuilder().setContainerId("a").setSignal(9).build()));
    row("list no tasks", c -> tasks(c).list(ListTasksRequest.getDefaultInstance()).getTasksCount());
  }

  /** What both gave: a code, or the answer in words. */
  private static String outcome(Row row, Channel channel) {
    try {
      Object answer = row.call().apply(channel);
      // Maps have no order on the wire.
      return String.valueOf(
          answer instanceof Map<?, ?> map ? new TreeMap<Object, Object>(map) : answer);
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode().toString();
    }
  }

  @Test
  void everyCallGivesWhatContainerdGives() throws Exception {
    containerRows();
    imageRows();
    snapshotRows();
    contentRows();
    leaseRows();
    namespaceAndTaskRows();
    List<String> different = new ArrayList<>();
    Node node = Node.started();
    Path folder = Files.createDirectories(node.folder().resolve("containerd"));
    Process containerd = StockContainerd.start(folder);
    try (UnixChannels ours = UnixChannels.open(node.socket());
        UnixChannels theirs = UnixChannels.open(StockContainerd.socket(folder))) {
      Eventually.holds(
          "an answer of containerd",
          Duration.ofSeconds(30),
          () ->
              tasks(theirs.inNamespace("same"))
                      .list(ListTasksRequest.getDefaultInstance())
                      .getTasksCount()
                  == 0);
      for (Row row : rows) {
        String own = outcome(row, ours.inNamespace("same"));
        String other = outcome(row, theirs.inNamespace("same"));
        if (!own.equals(other) && !BETTER.contains(row.name())) {
          different.add(row.name() + ": " + own + " where containerd gives " + other);
        }
      }
    } finally {
      containerd.destroy();
      containerd.waitFor(20, TimeUnit.SECONDS);
      node.close();
    }
    assertEquals(List.of(), different, String.join("\n", different));
  }
}
