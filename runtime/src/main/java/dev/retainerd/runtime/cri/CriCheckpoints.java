package dev.retainerd.runtime.cri;

import static dev.retainerd.runtime.cri.Answers.answer;

import dev.retainerd.runtime.checkpoint.ContainerCheckpoints;
import dev.retainerd.runtime.checkpoint.Patience;
import dev.retainerd.runtime.checkpoint.PodCheckpoints;
import dev.retainerd.runtime.checkpoint.PodRestores;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.wire.cri.v1.CheckpointContainerRequest;
import dev.retainerd.wire.cri.v1.CheckpointContainerResponse;
import dev.retainerd.wire.cri.v1.CheckpointPodRequest;
import dev.retainerd.wire.cri.v1.CheckpointPodResponse;
import dev.retainerd.wire.cri.v1.RestorePodRequest;
import dev.retainerd.wire.cri.v1.RestorePodResponse;
import dev.retainerd.wire.cri.v1.RestoredContainer;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The part of CRI's RuntimeService that is about checkpoints. Thread-safe. */
abstract class CriCheckpoints extends CriWatching {
  private static final int MOST_CONTAINERS = 1000;

  /** What these calls are answered by. */
  public record Checkpoints(
      ContainerCheckpoints containers, PodCheckpoints pods, PodRestores restores) {}

  private final Checkpoints checkpoints;
  private final SandboxService sandboxes;
  private final ContainerService containers;
  private final Supplier<Origin> origins;

  CriCheckpoints(CriRuntime.Behind behind, Supplier<Origin> origins) {
    super(behind);
    this.checkpoints = behind.checkpoints();
    this.sandboxes = behind.sandboxes();
    this.containers = behind.containers();
    this.origins = origins;
  }

  @Override
  public void checkpointContainer(
      CheckpointContainerRequest request, StreamObserver<CheckpointContainerResponse> caller) {
    answer(
        caller,
        () -> {
          if (request.getTimeout() < 0) {
            throw Refusal.invalidArgument(
                "a checkpoint cannot take " + request.getTimeout() + " s; use 0 for no limit");
          }
          checkpoints
              .containers()
              .write(
                  origins.get(),
                  container(request.getContainerId()),
                  request.getLocation(),
                  request.getTimeout());
          return CheckpointContainerResponse.getDefaultInstance();
        });
  }

  @Override
  public void checkpointPod(
      CheckpointPodRequest request, StreamObserver<CheckpointPodResponse> caller) {
    answer(
        caller,
        () -> {
          refuseOptions(request.getOptionsMap());
          Patience patience = patience();
          SandboxEntry pod = sandbox(request.getPodSandboxId());
          if (request.getContainerIdsCount() > MOST_CONTAINERS) {
            throw Refusal.invalidArgument(
                "the request names "
                    + request.getContainerIdsCount()
                    + " containers; at most "
                    + MOST_CONTAINERS
                    + " are checkpointed together");
          }
          List<ContainerEntry> chosen =
              request.getContainerIdsList().stream().map(this::container).toList();
          checkpoints.pods().write(origins.get(), pod, chosen, request.getOutputPath(), patience);
          return CheckpointPodResponse.getDefaultInstance();
        });
  }

  @Override
  public void restorePod(RestorePodRequest request, StreamObserver<RestorePodResponse> caller) {
    refuseOptions(request.getOptionsMap());
    if (!request.hasConfig()) {
      throw Refusal.invalidArgument("the request has no config; give the pod's");
    }
    PodRestores.Restored restored =
        checkpoints
            .restores()
            .restore(
                origins.get(),
                new PodRestores.Wish(
                    request.getCheckpointPath(),
                    request.getConfig(),
                    request.getRuntimeHandler(),
                    request.getContainerConfigsList()),
                patience());
    if (!CriRuntime.reached(caller)) {
      checkpoints.restores().takeBack(origins.get(), restored);
      return;
    }
    RestorePodResponse.Builder response =
        RestorePodResponse.newBuilder().setPodSandboxId(restored.podId());
    restored
        .members()
        .forEach(
            member ->
                response.addRestoredContainers(
                    RestoredContainer.newBuilder()
                        .setName(member.getName())
                        .setContainerId(member.getContainerId())));
    answer(caller, response::build);
    sandboxes.answered(restored.podId());
    restored.members().forEach(member -> containers.answered(member.getContainerId()));
  }

  /** No runtime handler knows any, and what is not known must not be passed over. */
  private static void refuseOptions(Map<String, String> options) {
    Optional<String> first = options.keySet().stream().sorted().findFirst();
    if (first.isPresent()) {
      throw Refusal.invalidArgument(
          "the option \""
              + CriRuntime.shown(first.get())
              + "\" is not supported; there are no options for checkpoints of pods");
    }
  }

  /** CRI has a client set a deadline: a pod must not stand still for longer than it waits. */
  private static Patience patience() {
    Context call = Context.current();
    Deadline deadline = call.getDeadline();
    if (deadline == null) {
      throw Refusal.invalidArgument(
          "the call has no deadline; set one, for how long the containers may stand still");
    }
    return Patience.of(
        Duration.ofNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS)), call::isCancelled);
  }
}
