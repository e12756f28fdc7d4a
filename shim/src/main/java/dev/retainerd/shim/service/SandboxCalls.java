package dev.retainerd.shim.service;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.Sandboxes;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.sandbox.CreateSandboxRequest;
import dev.retainerd.shim.wire.sandbox.CreateSandboxResponse;
import dev.retainerd.shim.wire.sandbox.PingRequest;
import dev.retainerd.shim.wire.sandbox.PingResponse;
import dev.retainerd.shim.wire.sandbox.Platform;
import dev.retainerd.shim.wire.sandbox.PlatformResponse;
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
import java.time.Duration;

/** containerd's sandbox service. Thread-safe. */
final class SandboxCalls {
  private final Sandboxes sandboxes;
  private final Containers containers;
  private final Runnable exit;

  SandboxCalls(Sandboxes sandboxes, Containers containers, Runnable exit) {
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.exit = exit;
  }

  /** The answer, or null when it comes later. */
  MessageLite serve(TtrpcCall call, String namespace)
      throws TtrpcException, InvalidProtocolBufferException {
    byte[] bytes = call.payload();
    return switch (call.method()) {
      case "CreateSandbox" -> {
        sandboxes.create(namespace, CreateSandboxRequest.parseFrom(bytes).getSandboxId());
        yield CreateSandboxResponse.getDefaultInstance();
      }
      case "StartSandbox" -> start(namespace, StartSandboxRequest.parseFrom(bytes));
      case "Platform" ->
          PlatformResponse.newBuilder()
              .setPlatform(Platform.newBuilder().setOs("linux").setArchitecture(architecture()))
              .build();
      case "StopSandbox" -> {
        StopSandboxRequest request = StopSandboxRequest.parseFrom(bytes);
        long seconds = Math.min(3600, Integer.toUnsignedLong(request.getTimeoutSecs()));
        sandboxes.stop(namespace, request.getSandboxId(), Duration.ofSeconds(seconds));
        yield StopSandboxResponse.getDefaultInstance();
      }
      case "WaitSandbox" -> await(call, namespace, WaitSandboxRequest.parseFrom(bytes));
      case "SandboxStatus" -> status(namespace, SandboxStatusRequest.parseFrom(bytes));
      case "PingSandbox" -> {
        sandboxes.get(namespace, PingRequest.parseFrom(bytes).getSandboxId());
        yield PingResponse.getDefaultInstance();
      }
      case "ShutdownSandbox" -> {
        sandboxes.forget(namespace, ShutdownSandboxRequest.parseFrom(bytes).getSandboxId());
        if (sandboxes.isEmpty() && containers.isEmpty()) {
          exit.run();
        }
        yield ShutdownSandboxResponse.getDefaultInstance();
      }
      default ->
          throw new TtrpcException(
              StatusCode.UNIMPLEMENTED,
              "method "
                  + call.method()
                  + " of the sandbox service is not served: a sandbox has no cgroup of its own"
                  + " here; ask for its containers");
    };
  }

  /** In the names that images use. */
  private static String architecture() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> "amd64";
      case "aarch64" -> "arm64";
      case String other -> other;
    };
  }

  private MessageLite start(String namespace, StartSandboxRequest request) throws TtrpcException {
    Sandboxes.Sandbox started = sandboxes.start(namespace, request.getSandboxId());
    return StartSandboxResponse.newBuilder()
        .setPid(Containers.selfPid())
        .setCreatedAt(Containers.time(started.createdAtNanos()))
        .build();
  }

  private MessageLite await(TtrpcCall call, String namespace, WaitSandboxRequest request)
      throws TtrpcException {
    sandboxes
        .await(namespace, request.getSandboxId())
        .thenAccept(
            end ->
                call.answer(
                    WaitSandboxResponse.newBuilder()
                        .setExitedAt(Containers.time(end.stoppedAtNanos()))
                        .build()));
    return null;
  }

  private MessageLite status(String namespace, SandboxStatusRequest request) throws TtrpcException {
    Sandboxes.Sandbox sandbox = sandboxes.get(namespace, request.getSandboxId());
    SandboxStatusResponse.Builder status =
        SandboxStatusResponse.newBuilder()
            .setSandboxId(sandbox.id())
            .setPid(Containers.selfPid())
            .setState(sandbox.ready() ? "SANDBOX_READY" : "SANDBOX_NOTREADY")
            .setCreatedAt(Containers.time(sandbox.createdAtNanos()));
    if (sandbox.stoppedAtNanos() > 0) {
      status.setExitedAt(Containers.time(sandbox.stoppedAtNanos()));
    }
    return status.build();
  }
}
