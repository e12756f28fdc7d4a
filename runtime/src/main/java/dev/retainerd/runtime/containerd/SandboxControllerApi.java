package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.group.GroupService;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.GroupEntry;
import dev.retainerd.store.proto.GroupPhase;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerCreateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerCreateResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerGrpc;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerMetricsRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerMetricsResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerPlatformRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerPlatformResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerShutdownRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerShutdownResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStartRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStartResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStatusRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStatusResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStopRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerStopResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerUpdateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerUpdateResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerWaitRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.ControllerWaitResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Runs sandboxes. The sandboxer {@code shim} is ours to command here; of {@code podsandbox}, CRI's
 * pods, this tells the state and no more.
 */
public final class SandboxControllerApi extends ControllerGrpc.ControllerImplBase {
  private static final long GRACE_SECONDS_MAX = 3600;

  /** Of the shim's task service. */
  private static final int TASK_VERSION = 3;

  private final GroupService groups;
  private final StateView state;

  public SandboxControllerApi(GroupService groups, StateView state) {
    this.groups = groups;
    this.state = state;
  }

  private static void shimOnly(String sandboxer) {
    if (isPod(sandboxer)) {
      throw Refusal.failedPrecondition(
          "the sandboxer podsandbox runs CRI's pods; ask for this over CRI");
    }
  }

  private static boolean isPod(String sandboxer) {
    if (sandboxer.isEmpty()) {
      throw Refusal.invalidArgument(
          "invalid argument: sandbox controller name can not be empty; name shim");
    }
    if (!sandboxer.equals(SandboxTranslation.SHIM) && !sandboxer.equals(SandboxTranslation.POD)) {
      throw Refusal.notFound("not found: failed to get sandbox controller by " + sandboxer);
    }
    return sandboxer.equals(SandboxTranslation.POD);
  }

  @Override
  public void create(
      ControllerCreateRequest request, StreamObserver<ControllerCreateResponse> response) {
    shimOnly(request.getSandboxer());
    String id = Identifiers.check("sandbox", request.getSandboxId());
    if (request.getRootfsCount() > 0) {
      throw Refusal.unimplemented(
          "sandboxes have no root file system of their own here; leave rootfs out");
    }
    Calls.answer(
        response,
        () -> {
          groups.create(
              JournalRecords.origin(), CallContext.namespace(), id, request.getNetnsPath());
          return ControllerCreateResponse.newBuilder().setSandboxId(id).build();
        });
  }

  @Override
  public void start(
      ControllerStartRequest request, StreamObserver<ControllerStartResponse> response) {
    shimOnly(request.getSandboxer());
    String id = request.getSandboxId();
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          GroupEntry started = groups.start(JournalRecords.origin(), namespace, id);
          var reply =
              ControllerStartResponse.newBuilder()
                  .setSandboxId(id)
                  .setCreatedAt(Translation.timestamp(started.getCreatedAtNanos()));
          groups
              .home(namespace, id)
              .ifPresent(
                  shim ->
                      reply
                          .setPid(shim.getProcess().getPid())
                          .setAddress(shim.getAddress())
                          .setVersion(TASK_VERSION));
          return reply.build();
        });
  }

  @Override
  public void platform(
      ControllerPlatformRequest request, StreamObserver<ControllerPlatformResponse> response) {
    requireThere(request.getSandboxer(), request.getSandboxId());
    Calls.answer(
        response,
        () -> ControllerPlatformResponse.newBuilder().setPlatform(IntrospectionApi.HERE).build());
  }

  private void requireThere(String sandboxer, String id) {
    if (!isPod(sandboxer)) {
      groups.get(CallContext.namespace(), id);
    } else if (pod(id).isEmpty()) {
      throw Refusal.notFound("sandbox \"" + id + "\" is no pod: not found");
    }
  }

  private Optional<SandboxEntry> pod(String id) {
    return state.get(Kind.SANDBOX.key(CallContext.namespace(), id));
  }

  @Override
  public void stop(ControllerStopRequest request, StreamObserver<ControllerStopResponse> response) {
    shimOnly(request.getSandboxer());
    long seconds = Math.min(GRACE_SECONDS_MAX, Integer.toUnsignedLong(request.getTimeoutSecs()));
    Calls.answer(
        response,
        () -> {
          groups.stop(
              JournalRecords.origin(),
              CallContext.namespace(),
              request.getSandboxId(),
              Duration.ofSeconds(seconds));
          return ControllerStopResponse.getDefaultInstance();
        });
  }

  @Override
  public void wait(ControllerWaitRequest request, StreamObserver<ControllerWaitResponse> response) {
    shimOnly(request.getSandboxer());
    CompletableFuture<GroupEntry> end =
        groups.stopped(CallContext.namespace(), request.getSandboxId());
    var observer = (ServerCallStreamObserver<ControllerWaitResponse>) response;
    // Nobody's thread waits.
    observer.setOnCancelHandler(() -> end.cancel(false));
    end.whenComplete(
        (group, failure) -> {
          if (observer.isCancelled()) {
            return;
          }
          if (failure != null) {
            observer.onError(failure instanceof CompletionException e ? e.getCause() : failure);
            return;
          }
          observer.onNext(
              ControllerWaitResponse.newBuilder()
                  .setExitedAt(Translation.timestamp(group.getStoppedAtNanos()))
                  .build());
          observer.onCompleted();
        });
  }

  /** What is not there has exited: containerd says so, too, and not that it is not found. */
  @Override
  public void status(
      ControllerStatusRequest request, StreamObserver<ControllerStatusResponse> response) {
    boolean pod = isPod(request.getSandboxer());
    String id = request.getSandboxId();
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          var reply =
              pod ? podStatus(id) : groups.find(namespace, id).map(g -> status(namespace, g));
          return reply.orElseGet(
              () ->
                  ControllerStatusResponse.newBuilder()
                      .setSandboxId(id)
                      .setExitedAt(Translation.timestamp(Translation.nowNanos()))
                      .build());
        });
  }

  private ControllerStatusResponse status(String namespace, GroupEntry group) {
    var status =
        ControllerStatusResponse.newBuilder()
            .setSandboxId(group.getId())
            .setState(
                group.getPhase() == GroupPhase.GROUP_PHASE_READY
                    ? "SANDBOX_READY"
                    : "SANDBOX_NOTREADY")
            .setCreatedAt(Translation.timestamp(group.getCreatedAtNanos()));
    Optional<ShimEntry> shim = groups.home(namespace, group.getId());
    shim.ifPresent(
        home ->
            status
                .setPid(home.getProcess().getPid())
                .setAddress(home.getAddress())
                .setVersion(TASK_VERSION));
    if (group.getStoppedAtNanos() > 0) {
      status.setExitedAt(Translation.timestamp(group.getStoppedAtNanos()));
    }
    return status.build();
  }

  private Optional<ControllerStatusResponse> podStatus(String id) {
    return pod(id)
        .map(
            entry ->
                ControllerStatusResponse.newBuilder()
                    .setSandboxId(id)
                    .setState(
                        entry.getPhase() == SandboxPhase.SANDBOX_PHASE_READY
                            ? "SANDBOX_READY"
                            : "SANDBOX_NOTREADY")
                    .setCreatedAt(Translation.timestamp(entry.getSandbox().getCreatedAtNanos()))
                    .build());
  }

  @Override
  public void shutdown(
      ControllerShutdownRequest request, StreamObserver<ControllerShutdownResponse> response) {
    shimOnly(request.getSandboxer());
    Calls.answer(
        response,
        () -> {
          groups.remove(JournalRecords.origin(), CallContext.namespace(), request.getSandboxId());
          return ControllerShutdownResponse.getDefaultInstance();
        });
  }

  @Override
  public void metrics(
      ControllerMetricsRequest request, StreamObserver<ControllerMetricsResponse> response) {
    String id = request.getSandboxId();
    String namespace = CallContext.namespace();
    requireThere(request.getSandboxer(), id);
    Calls.answer(
        response,
        () ->
            ControllerMetricsResponse.newBuilder()
                .setMetrics(SandboxMetrics.sum(id, groups.stats(namespace, id)))
                .build());
  }

  /** Nothing that runs depends on the record: containers bring all they need in their specs. */
  @Override
  public void update(
      ControllerUpdateRequest request, StreamObserver<ControllerUpdateResponse> response) {
    shimOnly(request.getSandboxer());
    requireThere(request.getSandboxer(), request.getSandboxId());
    Calls.answer(response, ControllerUpdateResponse::getDefaultInstance);
  }
}
