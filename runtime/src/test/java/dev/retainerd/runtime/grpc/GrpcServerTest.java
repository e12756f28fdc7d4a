package dev.retainerd.runtime.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Empty;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerResponse;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerResponse;
import dev.retainerd.wire.containerd.services.version.v1.VersionGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionResponse;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.cri.v1.VersionRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The server on a real unix socket, with services that only answer or throw. */
class GrpcServerTest {
  @TempDir Path folder;

  /** What a client has to see for each code; written out, so that a change of the table shows. */
  private static final Map<Refusal.Code, Status.Code> EXPECTED =
      Map.ofEntries(
          Map.entry(Refusal.Code.NOT_FOUND, Status.Code.NOT_FOUND),
          Map.entry(Refusal.Code.ALREADY_EXISTS, Status.Code.ALREADY_EXISTS),
          Map.entry(Refusal.Code.INVALID_ARGUMENT, Status.Code.INVALID_ARGUMENT),
          Map.entry(Refusal.Code.FAILED_PRECONDITION, Status.Code.FAILED_PRECONDITION),
          Map.entry(Refusal.Code.UNAVAILABLE, Status.Code.UNAVAILABLE),
          Map.entry(Refusal.Code.RESOURCE_EXHAUSTED, Status.Code.RESOURCE_EXHAUSTED),
          Map.entry(Refusal.Code.UNIMPLEMENTED, Status.Code.UNIMPLEMENTED),
          Map.entry(Refusal.Code.DEADLINE_EXCEEDED, Status.Code.DEADLINE_EXCEEDED),
          Map.entry(Refusal.Code.CANCELLED, Status.Code.CANCELLED),
          Map.entry(Refusal.Code.PERMISSION_DENIED, Status.Code.PERMISSION_DENIED),
          Map.entry(Refusal.Code.OUT_OF_RANGE, Status.Code.OUT_OF_RANGE),
          Map.entry(Refusal.Code.UNKNOWN, Status.Code.UNKNOWN),
          Map.entry(Refusal.Code.INTERNAL, Status.Code.INTERNAL));

  /** Get throws what it is told to; Create hands it to onError; Delete is left out. */
  private static final class Containers extends ContainersGrpc.ContainersImplBase {
    final AtomicReference<RuntimeException> thrown = new AtomicReference<>();
    final AtomicReference<Caller> caller = new AtomicReference<>();
    final AtomicReference<String> seen = new AtomicReference<>("");
    final CountDownLatch entered = new CountDownLatch(1);
    volatile CountDownLatch hold = new CountDownLatch(0);

    @Override
    public void get(GetContainerRequest request, StreamObserver<GetContainerResponse> response) {
      caller.set(CallContext.caller());
      seen.set(
          "%s %s %s %s"
              .formatted(
                  CallContext.namespace(),
                  CallContext.leaseIfAny().orElse("-"),
                  CallContext.requestId().isEmpty() ? "no id" : "id",
                  Thread.currentThread().isVirtual() ? "virtual" : "platform"));
      entered.countDown();
      awaitRelease();
      if (thrown.get() != null) {
        throw thrown.get();
      }
      response.onNext(
          GetContainerResponse.newBuilder()
              .setContainer(Container.newBuilder().setId(request.getId()))
              .build());
      response.onCompleted();
    }

    private void awaitRelease() {
      try {
        assertTrue(hold.await(20, TimeUnit.SECONDS));
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void create(
        CreateContainerRequest request, StreamObserver<CreateContainerResponse> response) {
      response.onError(thrown.get());
    }
  }

  private static final class Version extends VersionGrpc.VersionImplBase {
    @Override
    public void version(Empty request, StreamObserver<VersionResponse> response) {
      response.onNext(VersionResponse.newBuilder().setVersion("1").build());
      response.onCompleted();
    }
  }

  private final Containers containers = new Containers();

  private Path socket() {
    return folder.resolve("api.sock");
  }

  private GrpcServer start() throws IOException {
    return GrpcServer.start(
        GrpcServer.Options.forRoot(socket()), List.of(containers, new Version()));
  }

  private static ContainersGrpc.ContainersBlockingStub stub(UnixChannels client) {
    return ContainersGrpc.newBlockingStub(client.inNamespace("tests"))
        .withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private static Status statusOf(Runnable call) {
    return assertThrows(StatusRuntimeException.class, call::run).getStatus();
  }

  private static GetContainerRequest get(String id) {
    return GetContainerRequest.newBuilder().setId(id).build();
  }

  @Test
  void aHandlerKnowsWhoCallsInWhichNamespace() throws Exception {
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      assertEquals("c1", stub(client).get(get("c1")).getContainer().getId());
    }
    assertEquals(ProcessHandle.current().pid(), containers.caller.get().pid());
    assertEquals(Files.getAttribute(folder, "unix:uid"), containers.caller.get().uid());
    assertEquals(
        Files.readSymbolicLink(Path.of("/proc/self/exe")).toString(),
        containers.caller.get().executable());
    assertEquals("tests - id virtual", containers.seen.get());
  }

  @ParameterizedTest
  @EnumSource(Refusal.Code.class)
  void aRefusalReachesTheClientWithItsCodeAndSentence(Refusal.Code code) throws Exception {
    assertEquals(Refusal.Code.values().length, EXPECTED.size());
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      containers.thrown.set(new Refusal(code, "container c1: no, because of the test"));
      Status thrown = statusOf(() -> stub(client).get(get("c1")));
      assertEquals(EXPECTED.get(code), thrown.getCode());
      assertEquals("container c1: no, because of the test", thrown.getDescription());
      Status handed =
          statusOf(() -> stub(client).create(CreateContainerRequest.getDefaultInstance()));
      assertEquals(EXPECTED.get(code), handed.getCode());
      assertEquals("container c1: no, because of the test", handed.getDescription());
    }
  }

  @Test
  void aFaultOfOursReachesTheClientWithoutItsText() throws Exception {
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      containers.thrown.set(new IllegalStateException("password=hunter2"));
      for (Status status :
          List.of(
              statusOf(() -> stub(client).get(get("c1"))),
              statusOf(() -> stub(client).create(CreateContainerRequest.getDefaultInstance())))) {
        assertEquals(Status.Code.INTERNAL, status.getCode());
        assertFalse(status.getDescription().contains("hunter2"), status.getDescription());
        assertTrue(status.getDescription().contains("request "), status.getDescription());
      }
    }
  }

  @Test
  void whatIsNotImplementedSaysItsFullName() throws Exception {
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      Status method =
          statusOf(() -> stub(client).delete(DeleteContainerRequest.getDefaultInstance()));
      assertEquals(Status.Code.UNIMPLEMENTED, method.getCode());
      assertTrue(
          method.getDescription().contains("containerd.services.containers.v1.Containers/Delete"),
          method.getDescription());
      Status service =
          statusOf(
              () ->
                  RuntimeServiceGrpc.newBlockingStub(client.channel())
                      .version(VersionRequest.getDefaultInstance()));
      assertEquals(Status.Code.UNIMPLEMENTED, service.getCode());
      assertTrue(
          service.getDescription().contains("runtime.v1.RuntimeService/Version"),
          service.getDescription());
    }
  }

  @Test
  void aNamespaceIsRequiredWhereContainerdRequiresOne() throws Exception {
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      Status none = statusOf(() -> ContainersGrpc.newBlockingStub(client.channel()).get(get("c1")));
      assertEquals(Status.Code.FAILED_PRECONDITION, none.getCode());
      assertTrue(none.getDescription().startsWith("namespace is required"));
      Status climbing =
          statusOf(() -> ContainersGrpc.newBlockingStub(client.inNamespace("../x")).get(get("c1")));
      assertEquals(Status.Code.INVALID_ARGUMENT, climbing.getCode());
      assertTrue(climbing.getDescription().contains("\"../x\""), climbing.getDescription());
      assertEquals(
          "1",
          VersionGrpc.newBlockingStub(client.channel())
              .version(Empty.getDefaultInstance())
              .getVersion());
    }
  }

  @Test
  void aMessageBeyondTheBoundIsRefused() throws Exception {
    var options = new GrpcServer.Options(socket(), 0, 0, 1024);
    try (var server = GrpcServer.start(options, List.of(containers));
        var client = UnixChannels.open(server.socket())) {
      Status status = statusOf(() -> stub(client).get(get("x".repeat(2000))));
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, status.getCode());
    }
  }

  @Test
  void theSocketIsForItsOwnerOnlyAndGoesWithTheServer() throws Exception {
    try (var server = start()) {
      assertEquals(
          PosixFilePermissions.fromString("rw-------"),
          Files.getPosixFilePermissions(server.socket()));
    }
    assertFalse(Files.exists(socket()));
    assertFalse(Files.exists(folder.resolve("api.sock~")));
  }

  @Test
  void aSocketThatNobodyServesIsReplaced() throws Exception {
    try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket()));
    }
    assertTrue(Files.exists(socket()), "the JDK leaves the file of a closed socket");
    try (var server = start();
        var client = UnixChannels.open(server.socket())) {
      assertEquals("c1", stub(client).get(get("c1")).getContainer().getId());
    }
  }

  @Test
  void aSocketThatSomebodyServesIsLeftAlone() throws Exception {
    try (var first = start();
        var client = UnixChannels.open(first.socket())) {
      var refusal = assertThrows(Refusal.class, this::start);
      assertEquals(Refusal.Code.FAILED_PRECONDITION, refusal.code());
      assertTrue(refusal.sentence().contains(socket().toString()), refusal.sentence());
      assertEquals("c1", stub(client).get(get("c1")).getContainer().getId());
    }
  }

  @Test
  void aFileInThePlaceOfTheSocketIsLeftAlone() throws Exception {
    Files.writeString(socket(), "precious");
    var refusal = assertThrows(Refusal.class, this::start);
    assertTrue(refusal.sentence().contains("is not a socket"), refusal.sentence());
    assertEquals("precious", Files.readString(socket()));
  }

  @Test
  void aPathThatTheKernelCannotHoldIsRefusedWithTheMend() {
    var options = GrpcServer.Options.forRoot(folder.resolve("x".repeat(120)));
    var refusal = assertThrows(Refusal.class, () -> GrpcServer.start(options, List.of()));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.sentence().contains("grpc.address"), refusal.sentence());
  }

  @Test
  void aStopLetsCallsFinishAndWaitsForNoWatcher() throws Exception {
    var server = start();
    try (var client = UnixChannels.open(server.socket())) {
      var watch =
          HealthGrpc.newBlockingStub(client.channel())
              .watch(HealthCheckRequest.getDefaultInstance());
      assertEquals(HealthCheckResponse.ServingStatus.SERVING, watch.next().getStatus());
      containers.hold = new CountDownLatch(1);
      var slow = ContainersGrpc.newFutureStub(client.inNamespace("tests")).get(get("c1"));
      assertTrue(containers.entered.await(20, TimeUnit.SECONDS));
      long before = System.nanoTime();
      Thread stop = Thread.ofVirtual().start(server::close);
      containers.hold.countDown();
      assertEquals("c1", slow.get(20, TimeUnit.SECONDS).getContainer().getId());
      assertTrue(stop.join(java.time.Duration.ofSeconds(20)));
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
      assertTrue(millis < 4000, "the stop took " + millis + " ms");
    } finally {
      server.close();
    }
  }
}
