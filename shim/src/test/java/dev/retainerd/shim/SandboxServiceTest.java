package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.sandbox.CreateSandboxRequest;
import dev.retainerd.shim.wire.sandbox.CreateSandboxResponse;
import dev.retainerd.shim.wire.sandbox.PingRequest;
import dev.retainerd.shim.wire.sandbox.PingResponse;
import dev.retainerd.shim.wire.sandbox.PlatformRequest;
import dev.retainerd.shim.wire.sandbox.PlatformResponse;
import dev.retainerd.shim.wire.sandbox.SandboxMetricsRequest;
import dev.retainerd.shim.wire.sandbox.SandboxMetricsResponse;
import dev.retainerd.shim.wire.sandbox.SandboxStatusRequest;
import dev.retainerd.shim.wire.sandbox.SandboxStatusResponse;
import dev.retainerd.shim.wire.sandbox.ShutdownSandboxRequest;
import dev.retainerd.shim.wire.sandbox.ShutdownSandboxResponse;
import dev.retainerd.shim.wire.sandbox.StartSandboxRequest;
import dev.retainerd.shim.wire.sandbox.StartSandboxResponse;
import dev.retainerd.shim.wire.sandbox.StopSandboxRequest;
import dev.retainerd.shim.wire.sandbox.StopSandboxResponse;
import dev.retainerd.shim.wire.sandbox.WaitSandboxRequest;
import dev.retainerd.shim.wire.sandbox.WaitSandboxResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The sandbox service: a life of a group of containers, over the wire. */
@Tag("real")
class SandboxServiceTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private <T extends MessageLite> T ask(String method, MessageLite request, Parser<T> answer)
      throws TtrpcException {
    return harness.connection.call(
        ServiceNames.SANDBOX,
        method,
        request,
        Map.of(ServiceNames.NAMESPACE_KEY, ShimHarness.NAMESPACE),
        answer,
        ShimHarness.PATIENCE);
  }

  private SandboxStatusResponse status() throws TtrpcException {
    return ask(
        "SandboxStatus",
        SandboxStatusRequest.newBuilder().setSandboxId("s1").build(),
        SandboxStatusResponse.parser());
  }

  private void member(String id, String sandbox) throws Exception {
    Path bundle = harness.bundle(id, "sleep", "1000");
    Path config = bundle.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "\"linux\":{",
                "\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\""
                    + sandbox
                    + "\"},\"linux\":{"));
    harness.tasks.create(harness.request(id, bundle).build(), ShimHarness.PATIENCE);
    harness.start(id);
  }

  @Test
  void lifeOfASandboxAndItsContainers() throws Exception {
    ask(
        "CreateSandbox",
        CreateSandboxRequest.newBuilder().setSandboxId("s1").build(),
        CreateSandboxResponse.parser());
    assertEquals("SANDBOX_NOTREADY", status().getState());
    StartSandboxResponse started =
        ask(
            "StartSandbox",
            StartSandboxRequest.newBuilder().setSandboxId("s1").build(),
            StartSandboxResponse.parser());
    assertEquals(harness.process.pid(), started.getPid());
    assertEquals("SANDBOX_READY", status().getState());
    ask("PingSandbox", PingRequest.newBuilder().setSandboxId("s1").build(), PingResponse.parser());
    PlatformResponse platform =
        ask(
            "Platform",
            PlatformRequest.newBuilder().setSandboxId("s1").build(),
            PlatformResponse.parser());
    assertEquals("linux", platform.getPlatform().getOs());
    member("a", "s1");
    member("b", "s1");
    member("stranger", "s2");
    CompletableFuture<WaitSandboxResponse> end =
        harness.connection.callAsync(
            ServiceNames.SANDBOX,
            "WaitSandbox",
            WaitSandboxRequest.newBuilder().setSandboxId("s1").build(),
            Map.of(ServiceNames.NAMESPACE_KEY, ShimHarness.NAMESPACE),
            WaitSandboxResponse.parser());
    assertFalse(end.isDone());
    assertEquals(
        StatusCode.FAILED_PRECONDITION, assertThrows(TtrpcException.class, this::shutdown).code());
    // sleep as pid 1 of its namespace is deaf to SIGTERM: it takes the deadline and SIGKILL.
    ask(
        "StopSandbox",
        StopSandboxRequest.newBuilder().setSandboxId("s1").setTimeoutSecs(1).build(),
        StopSandboxResponse.parser());
    assertTrue(end.get(10, TimeUnit.SECONDS).getExitedAt().getSeconds() > 0);
    assertEquals("SANDBOX_NOTREADY", status().getState());
    assertEquals(137, harness.await("a", "").getExitStatus());
    assertEquals(137, harness.await("b", "").getExitStatus());
    harness.delete("a");
    harness.delete("b");
    harness.kill("stranger", 9);
    harness.await("stranger", "");
    harness.delete("stranger");
    shutdown();
    assertTrue(harness.process.waitFor(20, TimeUnit.SECONDS), "the shim did not end");
  }

  private void shutdown() throws TtrpcException {
    ask(
        "ShutdownSandbox",
        ShutdownSandboxRequest.newBuilder().setSandboxId("s1").build(),
        ShutdownSandboxResponse.parser());
  }

  @Test
  void unknownDoubleAndBadSandboxesAreRefused() throws Exception {
    assertEquals(StatusCode.NOT_FOUND, assertThrows(TtrpcException.class, this::status).code());
    CreateSandboxRequest request = CreateSandboxRequest.newBuilder().setSandboxId("s1").build();
    ask("CreateSandbox", request, CreateSandboxResponse.parser());
    assertEquals(
        StatusCode.ALREADY_EXISTS,
        assertThrows(
                TtrpcException.class,
                () -> ask("CreateSandbox", request, CreateSandboxResponse.parser()))
            .code());
    for (String id : new String[] {"", "a/b", "..", "x\0y"}) {
      assertEquals(
          StatusCode.INVALID_ARGUMENT,
          assertThrows(
                  TtrpcException.class,
                  () ->
                      ask(
                          "CreateSandbox",
                          CreateSandboxRequest.newBuilder().setSandboxId(id).build(),
                          CreateSandboxResponse.parser()))
              .code());
    }
    assertEquals(
        StatusCode.UNIMPLEMENTED,
        assertThrows(
                TtrpcException.class,
                () ->
                    ask(
                        "SandboxMetrics",
                        SandboxMetricsRequest.newBuilder().setSandboxId("s1").build(),
                        SandboxMetricsResponse.parser()))
            .code());
  }
}
