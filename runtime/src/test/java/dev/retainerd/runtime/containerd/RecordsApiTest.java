package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.FieldMask;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.runtime.grpc.GrpcServer;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.containerd.events.ContainerCreate;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import dev.retainerd.wire.containerd.services.events.v1.EventsGrpc;
import dev.retainerd.wire.containerd.services.events.v1.PublishRequest;
import dev.retainerd.wire.containerd.services.events.v1.SubscribeRequest;
import dev.retainerd.wire.containerd.services.introspection.v1.IntrospectionGrpc;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginsRequest;
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
import dev.retainerd.wire.containerd.services.namespaces.v1.ListNamespacesRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.Namespace;
import dev.retainerd.wire.containerd.services.namespaces.v1.NamespacesGrpc;
import dev.retainerd.wire.containerd.services.namespaces.v1.UpdateNamespaceRequest;
import dev.retainerd.wire.containerd.types.Envelope;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The services that only keep records, over a real socket, against the real fold. */
class RecordsApiTest {
  @TempDir Path folder;
  private final MemoryRecords records = new MemoryRecords();
  private GrpcServer server;
  private UnixChannels client;

  @BeforeEach
  void serve() throws Exception {
    var namespaces = new Namespaces(records);
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(folder.resolve("api.sock")),
            List.of(
                new NamespacesApi(records),
                new ContainersApi(records, namespaces),
                new LeasesApi(records, namespaces),
                new EventsApi(records.exchange),
                new IntrospectionApi(
                    records, "1.0", "/snapshots", java.util.List.of("overlayfs"))));
    client = UnixChannels.open(server.socket());
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  private ContainersGrpc.ContainersBlockingStub containers(String namespace) {
    return ContainersGrpc.newBlockingStub(client.inNamespace(namespace))
        .withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private NamespacesGrpc.NamespacesBlockingStub namespaces() {
    return NamespacesGrpc.newBlockingStub(client.channel()).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private LeasesGrpc.LeasesBlockingStub leases() {
    return LeasesGrpc.newBlockingStub(client.inNamespace("tests"))
        .withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private static Status statusOf(Runnable call) {
    return assertThrows(StatusRuntimeException.class, call::run).getStatus();
  }

  private static Any json(String text) {
    return Any.newBuilder().setTypeUrl("spec").setValue(ByteString.copyFromUtf8(text)).build();
  }

  private static Container container(String id) {
    return Container.newBuilder()
        .setId(id)
        .putLabels("app", "web")
        .setImage("docker.io/library/busybox:latest")
        .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
        .setSpec(json("{}"))
        .setSnapshotter("overlayfs")
        .setSnapshotKey(id)
        .build();
  }

  private Container create(String id) {
    return containers("tests")
        .create(CreateContainerRequest.newBuilder().setContainer(container(id)).build())
        .getContainer();
  }

  private static GetContainerRequest get(String id) {
    return GetContainerRequest.newBuilder().setId(id).build();
  }

  @Test
  void aContainerComesBackAsItWasMade() {
    Container created = create("c1");
    assertTrue(created.getCreatedAt().getSeconds() > 0);
    Container read = containers("tests").get(get("c1")).getContainer();
    assertEquals(created, read);
    assertEquals(container("c1"), read.toBuilder().clearCreatedAt().clearUpdatedAt().build());
    assertEquals(
        Status.Code.NOT_FOUND, statusOf(() -> containers("other").get(get("c1"))).getCode());
    var all = containers("tests").list(ListContainersRequest.getDefaultInstance());
    assertEquals(List.of(created), all.getContainersList());
    var streamed = containers("tests").listStream(ListContainersRequest.getDefaultInstance());
    assertEquals(created, streamed.next().getContainer());
    assertTrue(!streamed.hasNext());
  }

  @Test
  void theFirstThingMadeInANamespaceBringsItIntoBeing() {
    create("c1");
    var names = namespaces().list(ListNamespacesRequest.getDefaultInstance()).getNamespacesList();
    assertEquals(List.of("tests"), names.stream().map(Namespace::getName).toList());
  }

  @Test
  void aNameThatIsTakenIsRefused() {
    create("c1");
    Status status = statusOf(() -> create("c1"));
    assertEquals(Status.Code.ALREADY_EXISTS, status.getCode());
    assertTrue(status.getDescription().contains("c1"), status.getDescription());
  }

  @Test
  void aContainerThatCannotBeOneIsRefused() {
    for (Container bad :
        List.of(
            container("../c1"),
            container("c1").toBuilder().clearSpec().build(),
            container("c1").toBuilder().clearRuntime().build(),
            container("c1").toBuilder().clearSnapshotter().build(),
            container("c1").toBuilder().putLabels("k", "v".repeat(5000)).build())) {
      var request = CreateContainerRequest.newBuilder().setContainer(bad).build();
      assertEquals(
          Status.Code.INVALID_ARGUMENT,
          statusOf(() -> containers("tests").create(request)).getCode());
    }
    assertEquals(
        0,
        containers("tests").list(ListContainersRequest.getDefaultInstance()).getContainersCount());
  }

  @Test
  void listsAreFiltered() {
    create("c1");
    create("c2");
    for (var expected :
        Map.of("id==c1", 1, "labels.app==web", 2, "runtime.name~=runc", 2, "image==x", 0)
            .entrySet()) {
      var request = ListContainersRequest.newBuilder().addFilters(expected.getKey()).build();
      assertEquals(
          expected.getValue(),
          containers("tests").list(request).getContainersCount(),
          expected.getKey());
    }
    var bad = ListContainersRequest.newBuilder().addFilters("id=c1").build();
    assertEquals(
        Status.Code.INVALID_ARGUMENT, statusOf(() -> containers("tests").list(bad)).getCode());
  }

  private Container update(Container wanted, String... mask) {
    return containers("tests")
        .update(
            UpdateContainerRequest.newBuilder()
                .setContainer(wanted)
                .setUpdateMask(FieldMask.newBuilder().addAllPaths(List.of(mask)))
                .build())
        .getContainer();
  }

  @Test
  void anUpdateChangesWhatItsMaskNames() {
    Container before = create("c1");
    Container wanted =
        Container.newBuilder()
            .setId("c1")
            .putLabels("tier", "1")
            .setImage("other")
            .putExtensions("x", json("1"))
            .build();
    Container after = update(wanted, "labels.tier", "extensions.x");
    assertEquals(Map.of("app", "web", "tier", "1"), after.getLabelsMap());
    assertEquals(before.getImage(), after.getImage());
    assertEquals(before.getSpec(), after.getSpec());
    assertEquals(json("1"), after.getExtensionsOrThrow("x"));
    assertEquals(
        Map.of("tier", "1"),
        update(wanted.toBuilder().putLabels("app", "").build(), "labels.app").getLabelsMap());
    Status status = statusOf(() -> update(wanted, "created_at"));
    assertEquals(Status.Code.INVALID_ARGUMENT, status.getCode());
    Status whole = statusOf(() -> update(container("c1").toBuilder().setSnapshotter("x").build()));
    assertTrue(whole.getDescription().contains("snapshotter"), whole.getDescription());
  }

  @Test
  void aDeletedContainerIsGone() {
    create("c1");
    var request = DeleteContainerRequest.newBuilder().setId("c1").build();
    containers("tests").delete(request);
    Status status = statusOf(() -> containers("tests").delete(request));
    assertEquals(Status.Code.NOT_FOUND, status.getCode());
    create("c1");
  }

  @Test
  void aPodsContainerShowsButIsRemovedOverCriOnly() {
    records.commit(
        "k8s.io",
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder()
                .setContainer(
                    ContainerRecord.newBuilder()
                        .setId("pod1")
                        .setCri(CriContainer.newBuilder().setName("web")))
                .build()));
    assertEquals("pod1", containers("k8s.io").get(get("pod1")).getContainer().getId());
    Status status =
        statusOf(
            () ->
                containers("k8s.io")
                    .delete(DeleteContainerRequest.newBuilder().setId("pod1").build()));
    assertEquals(Status.Code.FAILED_PRECONDITION, status.getCode());
    assertTrue(status.getDescription().contains("crictl rm pod1"), status.getDescription());
  }

  @Test
  void aNamespaceIsDeletedOnlyWhenEmpty() {
    var create =
        CreateNamespaceRequest.newBuilder()
            .setNamespace(Namespace.newBuilder().setName("tests").putLabels("a", "1"))
            .build();
    namespaces().create(create);
    assertEquals(Status.Code.ALREADY_EXISTS, statusOf(() -> namespaces().create(create)).getCode());
    create("c1");
    var delete = DeleteNamespaceRequest.newBuilder().setName("tests").build();
    Status status = statusOf(() -> namespaces().delete(delete));
    assertEquals(Status.Code.FAILED_PRECONDITION, status.getCode());
    assertTrue(status.getDescription().contains("containers"), status.getDescription());
    containers("tests").delete(DeleteContainerRequest.newBuilder().setId("c1").build());
    namespaces().delete(delete);
    assertEquals(Status.Code.NOT_FOUND, statusOf(() -> namespaces().delete(delete)).getCode());
  }

  /** containerd's client library asks for it whenever it connects, before anything is made. */
  @Test
  void aNamespaceThatNobodyMadeHasNoLabels() {
    var read = namespaces().get(GetNamespaceRequest.newBuilder().setName("nobody").build());
    assertEquals("nobody", read.getNamespace().getName());
    assertEquals(Map.of(), read.getNamespace().getLabelsMap());
  }

  @Test
  void namespaceLabelsAreSetAndRemovedOneByOne() {
    namespaces()
        .create(
            CreateNamespaceRequest.newBuilder()
                .setNamespace(Namespace.newBuilder().setName("tests").putLabels("a", "1"))
                .build());
    namespaces()
        .update(
            UpdateNamespaceRequest.newBuilder()
                .setNamespace(
                    Namespace.newBuilder().setName("tests").putLabels("b", "2").putLabels("a", ""))
                .setUpdateMask(FieldMask.newBuilder().addPaths("labels.a").addPaths("labels.b"))
                .build());
    var read = namespaces().get(GetNamespaceRequest.newBuilder().setName("tests").build());
    assertEquals(Map.of("b", "2"), read.getNamespace().getLabelsMap());
  }

  @Test
  void aLeaseHoldsItsResourcesUntilItIsDeleted() {
    String id =
        leases().create(CreateRequest.newBuilder().putLabels("k", "v").build()).getLease().getId();
    var resource = Resource.newBuilder().setId("web").setType("snapshots/overlayfs").build();
    var add = AddResourceRequest.newBuilder().setId(id).setResource(resource).build();
    leases().addResource(add);
    leases().addResource(add);
    var list = ListResourcesRequest.newBuilder().setId(id).build();
    assertEquals(List.of(resource), leases().listResources(list).getResourcesList());
    assertEquals(
        1,
        leases().list(ListRequest.newBuilder().addFilters("labels.k==v").build()).getLeasesCount());
    var odd = add.toBuilder().setResource(resource.toBuilder().setType("pods")).build();
    assertEquals(Status.Code.UNIMPLEMENTED, statusOf(() -> leases().addResource(odd)).getCode());
    leases().delete(DeleteRequest.newBuilder().setId(id).build());
    assertEquals(Status.Code.NOT_FOUND, statusOf(() -> leases().listResources(list)).getCode());
  }

  @Test
  void aSubscriberSeesWhatItsFilterSelectsInOrder() throws Exception {
    Iterator<Envelope> events =
        EventsGrpc.newBlockingStub(client.channel())
            .withDeadlineAfter(20, TimeUnit.SECONDS)
            .subscribe(
                SubscribeRequest.newBuilder()
                    .addFilters("event.id==c2")
                    .addFilters("topic~=/^.shouts/,namespace==tests")
                    .build());
    // The subscription is known to be in place when an event published by ourselves comes back.
    var publisher = EventsGrpc.newBlockingStub(client.inNamespace("tests"));
    var shout = PublishRequest.newBuilder().setTopic("/shouts/x").setEvent(json("hello")).build();
    var heard = new AtomicBoolean();
    Thread shouting =
        Thread.ofVirtual()
            .start(
                () -> {
                  while (!heard.get()) {
                    Empty ignored = publisher.publish(shout);
                  }
                });
    Envelope first = events.next();
    heard.set(true);
    shouting.join();
    assertEquals("/shouts/x", first.getTopic());
    assertEquals("tests", first.getNamespace());
    create("c1");
    create("c2");
    containers("tests").delete(DeleteContainerRequest.newBuilder().setId("c2").build());
    Envelope next = events.next();
    while (next.getTopic().equals("/shouts/x")) {
      next = events.next();
    }
    assertEquals("/containers/create", next.getTopic());
    assertEquals("containerd.events.ContainerCreate", next.getEvent().getTypeUrl());
    assertEquals("c2", ContainerCreate.parseFrom(next.getEvent().getValue()).getId());
    assertEquals("/containers/delete", events.next().getTopic());
  }

  @Test
  void ctrFindsTheSnapshotterItAsksFor() {
    var found =
        IntrospectionGrpc.newBlockingStub(client.channel())
            .plugins(
                PluginsRequest.newBuilder()
                    .addFilters("type==io.containerd.snapshotter.v1, id==overlayfs")
                    .build());
    assertEquals(1, found.getPluginsCount());
    assertEquals("/snapshots/overlayfs", found.getPlugins(0).getExportsOrThrow("root"));
    assertEquals("linux", found.getPlugins(0).getPlatforms(0).getOs());
  }
}
