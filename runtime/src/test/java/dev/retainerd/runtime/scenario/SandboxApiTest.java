package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.introspection.v1.IntrospectionGrpc;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginInfoRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerCreateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerGrpc;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerMetricsRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerPlatformRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerShutdownRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStartRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStartResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStatusRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStatusResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStopRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerWaitRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerWaitResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreCreateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreDeleteRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreGetRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreGrpc;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreListRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreUpdateRequest;
import dev.retainerd.wire.containerd.types.Metric;
import dev.retainerd.wire.containerd.types.RuntimeInfo;
import dev.retainerd.wire.containerd.types.Sandbox;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Sandboxes as clients of containerd's API make them: records in the store, and groups of
 * containers run by the controller, over the death of the daemon. Codes are those of containerd 2.
 */
@Tag("real")
class SandboxApiTest {
  private static final Metadata.Key<String> NAMESPACE =
      Metadata.Key.of("containerd-namespace", Metadata.ASCII_STRING_MARSHALLER);

  private static Channel in(Node node, String namespace) {
    Metadata headers = new Metadata();
    headers.put(NAMESPACE, namespace);
    return io.grpc.ClientInterceptors.intercept(
        node.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private static StoreGrpc.StoreBlockingStub store(Node node) {
    return StoreGrpc.newBlockingStub(in(node, node.name())).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private static ControllerGrpc.ControllerBlockingStub controller(Node node) {
    return ControllerGrpc.newBlockingStub(in(node, node.name()))
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private static void refused(Status.Code code, Executable call) {
    StatusRuntimeException refusal = assertThrows(StatusRuntimeException.class, call);
    assertEquals(code, refusal.getStatus().getCode(), refusal.getMessage());
  }

  private static Sandbox sandbox(String id, String key, String value) {
    return Sandbox.newBuilder()
        .setSandboxId(id)
        .setRuntime(Sandbox.Runtime.newBuilder().setName("io.containerd.runc.v2"))
        .setSpec(Any.newBuilder().setTypeUrl("test/spec").setValue(ByteString.copyFromUtf8("s")))
        .putLabels(key, value)
        .putExtensions("e", Any.newBuilder().setTypeUrl("test/extension").build())
        .setSandboxer("shim")
        .build();
  }

  @Test
  void recordsAreKeptFilteredAndChangedByFields() {
    try (Node node = Node.started()) {
      StoreGrpc.StoreBlockingStub store = store(node);
      Sandbox made = sandbox("one", "color", "red");
      Sandbox got =
          store.create(StoreCreateRequest.newBuilder().setSandbox(made).build()).getSandbox();
      assertTrue(got.getCreatedAt().getSeconds() > 0);
      assertEquals(got.getCreatedAt(), got.getUpdatedAt());
      assertEquals(made, got.toBuilder().clearCreatedAt().clearUpdatedAt().build());
      refused(
          Status.Code.ALREADY_EXISTS,
          () -> store(node).create(StoreCreateRequest.newBuilder().setSandbox(made).build()));
      refused(
          Status.Code.INVALID_ARGUMENT,
          () ->
              store(node)
                  .create(
                      StoreCreateRequest.newBuilder()
                          .setSandbox(sandbox("a/b", "c", "d"))
                          .build()));
      store.create(
          StoreCreateRequest.newBuilder().setSandbox(sandbox("two", "color", "blue")).build());
      assertEquals(
          List.of("two"),
          store
              .list(StoreListRequest.newBuilder().addFilters("labels.color==blue").build())
              .getListList()
              .stream()
              .map(Sandbox::getSandboxId)
              .toList());
      Sandbox changed =
          store
              .update(
                  StoreUpdateRequest.newBuilder()
                      .setSandbox(made.toBuilder().putLabels("size", "big").putLabels("color", "x"))
                      .addFields("labels.size")
                      .build())
              .getSandbox();
      assertEquals("red", changed.getLabelsOrThrow("color"));
      assertEquals("big", changed.getLabelsOrThrow("size"));
      refused(
          Status.Code.INVALID_ARGUMENT,
          () ->
              store(node)
                  .update(
                      StoreUpdateRequest.newBuilder().setSandbox(made).addFields("id").build()));
      refused(
          Status.Code.INVALID_ARGUMENT,
          () ->
              store(node)
                  .update(
                      StoreUpdateRequest.newBuilder()
                          .setSandbox(made.toBuilder().clearRuntime())
                          .build()));
      node.killDaemon();
      node.start();
      assertEquals(
          changed,
          store(node).get(StoreGetRequest.newBuilder().setSandboxId("one").build()).getSandbox());
      store(node).delete(StoreDeleteRequest.newBuilder().setSandboxId("one").build());
      refused(
          Status.Code.NOT_FOUND,
          () -> store(node).get(StoreGetRequest.newBuilder().setSandboxId("one").build()));
      refused(
          Status.Code.NOT_FOUND,
          () -> store(node).delete(StoreDeleteRequest.newBuilder().setSandboxId("one").build()));
    }
  }

  /** A container that ctr made, made again as one of the sandbox; it has a task that runs. */
  private static void member(Node node, String id) {
    node.ctr("containers", "create", Node.IMAGE, id, "sleep", "1000").expectSuccess();
    var containers = node.containers(node.name());
    Container record =
        containers.get(GetContainerRequest.newBuilder().setId(id).build()).getContainer();
    containers.delete(DeleteContainerRequest.newBuilder().setId(id).build());
    containers.create(
        CreateContainerRequest.newBuilder()
            .setContainer(record.toBuilder().setSandbox("group"))
            .build());
    node.ctr("tasks", "start", "-d", id).expectSuccess();
  }

  private static ControllerStatusResponse status(Node node) {
    return controller(node)
        .status(
            ControllerStatusRequest.newBuilder()
                .setSandboxId("group")
                .setSandboxer("shim")
                .build());
  }

  private static Metric metrics(Node node) {
    return controller(node)
        .metrics(
            ControllerMetricsRequest.newBuilder()
                .setSandboxId("group")
                .setSandboxer("shim")
                .build())
        .getMetrics();
  }

  private static void create(Node node, String id) {
    controller(node)
        .create(ControllerCreateRequest.newBuilder().setSandboxId(id).setSandboxer("shim").build());
  }

  private static ControllerStartResponse begin(Node node) {
    return controller(node)
        .start(
            ControllerStartRequest.newBuilder().setSandboxId("group").setSandboxer("shim").build());
  }

  private static void shutdown(Node node, String id) {
    controller(node)
        .shutdown(
            ControllerShutdownRequest.newBuilder().setSandboxId(id).setSandboxer("shim").build());
  }

  private static long processes(Any data) throws Exception {
    return data.getTypeUrl().contains("v2")
        ? dev.retainerd.wire.containerd.cgroups.v2.Metrics.parseFrom(data.getValue())
            .getPids()
            .getCurrent()
        : dev.retainerd.wire.containerd.cgroups.v1.Metrics.parseFrom(data.getValue())
            .getPids()
            .getCurrent();
  }

  /**
   * A restart of the machine: what was ready runs no more, and who waits for its end hears of it.
   */
  @Test
  void aRebootStopsWhatWasReady() throws Exception {
    try (Node node = Node.started()) {
      create(node, "group");
      var started = begin(node);
      node.killDaemon();
      Host.kill9(started.getPid());
      node.startInAnotherBoot();
      assertEquals("SANDBOX_NOTREADY", status(node).getState());
      assertTrue(status(node).getExitedAt().getSeconds() > 0);
      assertTrue(
          controller(node)
                  .wait(
                      ControllerWaitRequest.newBuilder()
                          .setSandboxId("group")
                          .setSandboxer("shim")
                          .build())
                  .getExitedAt()
                  .getSeconds()
              > 0);
      assertEquals(1, new History(node).sentences(1, "GroupStopped").size());
      shutdown(node, "group");
      create(node, "group");
      node.killDaemon();
      node.startUnder(List.of());
      node.start();
    }
  }

  @Test
  void containersOfASandboxShareItsShimAndEndWithIt() throws Exception {
    try (Node node = Node.started()) {
      node.importImage(node.name());
      long from = new History(node).lastSequence();
      create(node, "group");
      assertEquals("SANDBOX_NOTREADY", status(node).getState());
      var started = begin(node);
      assertTrue(started.getPid() > 1);
      assertTrue(
          ProcessHandle.of(started.getPid())
              .flatMap(p -> p.info().commandLine().or(() -> java.util.Optional.of("java")))
              .isPresent());
      assertFalse(metrics(node).hasData(), "nothing runs in it yet");
      member(node, "first");
      member(node, "second");
      Metric measured = metrics(node);
      assertEquals("group", measured.getId());
      assertTrue(processes(measured.getData()) >= 2, measured::toString);
      refused(Status.Code.FAILED_PRECONDITION, () -> shutdown(node, "group"));
      node.killDaemon();
      node.start();
      assertEquals("SANDBOX_READY", status(node).getState());
      assertEquals(started.getPid(), status(node).getPid(), "its shim lives on");
      Future<ControllerWaitResponse> end =
          ControllerGrpc.newFutureStub(in(node, node.name()))
              .wait(
                  ControllerWaitRequest.newBuilder()
                      .setSandboxId("group")
                      .setSandboxer("shim")
                      .build());
      controller(node)
          .stop(
              ControllerStopRequest.newBuilder()
                  .setSandboxId("group")
                  .setSandboxer("shim")
                  .setTimeoutSecs(1)
                  .build());
      assertTrue(end.get(20, TimeUnit.SECONDS).getExitedAt().getSeconds() > 0);
      Eventually.holds(
          "both tasks have ended",
          Duration.ofSeconds(10),
          () ->
              node.ctr("tasks", "ls")
                      .expectSuccess()
                      .lines()
                      .filter(l -> l.contains("STOPPED"))
                      .count()
                  == 2);
      assertEquals("SANDBOX_NOTREADY", status(node).getState());
      for (String id : List.of("first", "second")) {
        node.ctr("tasks", "rm", id).expectSuccess();
        node.ctr("containers", "rm", id).expectSuccess();
      }
      shutdown(node, "group");
      assertFalse(node.retainctl("shims", "ls").expectSuccess().contains("/group"));
      assertEquals("", status(node).getState(), "what is gone has exited");
      List<String> told = new java.util.ArrayList<>();
      new History(node).from(from).forEach(event -> told.add(event.getType()));
      assertTrue(
          told.containsAll(List.of("GroupCreated", "GroupStarted", "GroupStopped", "GroupRemoved")),
          told::toString);
    }
  }

  @Test
  void whatCannotBeIsRefusedAsContainerdDoes() {
    try (Node node = Node.started()) {
      refused(
          Status.Code.INVALID_ARGUMENT,
          () ->
              controller(node)
                  .create(ControllerCreateRequest.newBuilder().setSandboxId("x").build()));
      refused(
          Status.Code.NOT_FOUND,
          () ->
              controller(node)
                  .create(
                      ControllerCreateRequest.newBuilder()
                          .setSandboxId("x")
                          .setSandboxer("none")
                          .build()));
      refused(
          Status.Code.NOT_FOUND,
          () ->
              controller(node)
                  .platform(
                      ControllerPlatformRequest.newBuilder()
                          .setSandboxId("x")
                          .setSandboxer("shim")
                          .build()));
      refused(Status.Code.NOT_FOUND, () -> shutdown(node, "x"));
      controller(node)
          .stop(ControllerStopRequest.newBuilder().setSandboxId("x").setSandboxer("shim").build());
      create(node, "x");
      refused(Status.Code.ALREADY_EXISTS, () -> create(node, "x"));
      assertEquals(
          "linux",
          controller(node)
              .platform(
                  ControllerPlatformRequest.newBuilder()
                      .setSandboxId("x")
                      .setSandboxer("shim")
                      .build())
              .getPlatform()
              .getOs());
      refused(
          Status.Code.NOT_FOUND,
          () ->
              controller(node)
                  .metrics(
                      ControllerMetricsRequest.newBuilder()
                          .setSandboxId("other")
                          .setSandboxer("shim")
                          .build()));
      shutdown(node, "x");
    }
  }

  @Test
  void podsShowInTheStoreAndPluginsTellOfThemselves() throws Exception {
    try (Node node = Node.started()) {
      node.importImage("k8s.io");
      String pod = new Pods(node).run("shown");
      var store =
          StoreGrpc.newBlockingStub(in(node, "k8s.io")).withDeadlineAfter(30, TimeUnit.SECONDS);
      Sandbox shown =
          store.get(StoreGetRequest.newBuilder().setSandboxId(pod).build()).getSandbox();
      assertEquals("podsandbox", shown.getSandboxer());
      refused(
          Status.Code.FAILED_PRECONDITION,
          () -> store.delete(StoreDeleteRequest.newBuilder().setSandboxId(pod).build()));
      assertEquals(
          "SANDBOX_READY",
          ControllerGrpc.newBlockingStub(in(node, "k8s.io"))
              .withDeadlineAfter(30, TimeUnit.SECONDS)
              .status(
                  ControllerStatusRequest.newBuilder()
                      .setSandboxId(pod)
                      .setSandboxer("podsandbox")
                      .build())
              .getState());
      var plugins =
          IntrospectionGrpc.newBlockingStub(node.channel()).withDeadlineAfter(30, TimeUnit.SECONDS);
      PluginInfoRequest.Builder runtime =
          PluginInfoRequest.newBuilder().setType("io.containerd.runtime.v2").setId("task");
      assertFalse(plugins.pluginInfo(runtime.build()).hasExtra());
      Any extra =
          plugins.pluginInfo(runtime.setOptions(Any.getDefaultInstance()).build()).getExtra();
      assertEquals("io.containerd.runc.v2", RuntimeInfo.parseFrom(extra.getValue()).getName());
      refused(
          Status.Code.NOT_FOUND,
          () ->
              plugins.pluginInfo(
                  PluginInfoRequest.newBuilder().setType("io.containerd.none").setId("x").build()));
      refused(
          Status.Code.UNIMPLEMENTED,
          () ->
              plugins.pluginInfo(
                  PluginInfoRequest.newBuilder()
                      .setType("io.containerd.content.v1")
                      .setId("content")
                      .setOptions(Any.getDefaultInstance())
                      .build()));
    }
  }
}
