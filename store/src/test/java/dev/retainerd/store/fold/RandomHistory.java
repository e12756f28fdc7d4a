package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.*;
import dev.retainerd.store.state.NodeState;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes histories that a node could have had: random events, kept where they fit the state. */
final class RandomHistory {
  private static final String[] IDS = {"a", "b", "c"};
  private static final String[] NAMESPACES = {"default", "k8s.io"};

  record Recorded(EventHeader header, Event event) {}

  private final Random random;

  RandomHistory(long seed) {
    this.random = new Random(seed);
  }

  List<Recorded> of(int tries) {
    NodeState state = NodeState.inMemory();
    List<Recorded> history = new ArrayList<>();
    for (int i = 0; i < tries; i++) {
      long sequence = history.size() + 1;
      EventHeader header =
          new EventHeader(sequence, "boot", sequence * 1_000, NAMESPACES[random.nextInt(2)]);
      Event event = any();
      try {
        state.apply(sequence, Fold.fold(state, header, event));
        history.add(new Recorded(header, event));
      } catch (IllegalTransitionException doesNotFit) {
        // Most random events do not fit; the ones that do make the history.
      }
    }
    return history;
  }

  private String id() {
    return IDS[random.nextInt(IDS.length)];
  }

  private Event any() {
    String id = id();
    return switch (random.nextInt(44)) {
      case 0 -> new Event.ContainerCreating(creating(id));
      case 1 ->
          new Event.ContainerCreated(
              ContainerCreatedPayload.newBuilder().setContainer(record(id)).build());
      case 2 ->
          new Event.ContainerCreateFailed(
              ContainerCreateFailedPayload.newBuilder().setId(id).build());
      case 3 ->
          new Event.ContainerRemoving(ContainerRemovingPayload.newBuilder().setId(id).build());
      case 4 -> new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(id).build());
      case 5, 6 ->
          new Event.TaskCreating(
              TaskCreatingPayload.newBuilder().setContainerId(id).setShimId(id()).build());
      case 7, 8 ->
          new Event.TaskCreated(
              TaskCreatedPayload.newBuilder()
                  .setContainerId(id)
                  .setInit(ProcessIdentity.newBuilder().setPid(random.nextInt(1, 99)))
                  .build());
      case 9 ->
          new Event.TaskCreateFailed(
              TaskCreateFailedPayload.newBuilder().setContainerId(id).setReason("r").build());
      case 10, 11 ->
          new Event.TaskStarting(TaskStartingPayload.newBuilder().setContainerId(id).build());
      case 12, 13 ->
          new Event.TaskStarted(
              TaskStartedPayload.newBuilder().setContainerId(id).setStartedAtNanos(5).build());
      case 14 ->
          new Event.TaskExited(
              TaskExitedPayload.newBuilder()
                  .setContainerId(id)
                  .setStatus(random.nextInt(256))
                  .build());
      case 15 -> new Event.TaskDeleted(TaskDeletedPayload.newBuilder().setContainerId(id).build());
      case 16 -> new Event.TaskPaused(TaskPausedPayload.newBuilder().setContainerId(id).build());
      case 17 -> new Event.TaskResumed(TaskResumedPayload.newBuilder().setContainerId(id).build());
      case 36 ->
          new Event.TaskStopGivenUp(TaskStopGivenUpPayload.newBuilder().setContainerId(id).build());
      case 37 ->
          new Event.TaskCheckpointing(
              TaskCheckpointingPayload.newBuilder().setContainerId(id).build());
      case 38 ->
          new Event.TaskCheckpointed(
              TaskCheckpointedPayload.newBuilder().setContainerId(id).setDigest("d").build());
      case 40 ->
          new Event.SandboxCheckpointing(
              SandboxCheckpointingPayload.newBuilder().setId(id).addContainerIds(id()).build());
      case 41 ->
          new Event.SandboxCheckpointFailed(
              SandboxCheckpointFailedPayload.newBuilder().setId(id).setReason("r").build());
      case 42 -> new Event.SandboxRestored(SandboxRestoredPayload.newBuilder().setId(id).build());
      case 18 -> new Event.TaskOom(TaskOomPayload.newBuilder().setContainerId(id).build());
      case 19 ->
          new Event.ExecAdded(
              ExecAddedPayload.newBuilder().setContainerId(id).setExecId("e").build());
      case 20 ->
          new Event.ExecStarting(
              ExecStartingPayload.newBuilder().setContainerId(id).setExecId("e").build());
      case 21 ->
          new Event.ExecExited(
              ExecExitedPayload.newBuilder().setContainerId(id).setExecId("e").build());
      case 22 ->
          new Event.SandboxCreating(
              SandboxCreatingPayload.newBuilder()
                  .setSandbox(
                      SandboxRecord.newBuilder()
                          .setId(id)
                          .setRestoredFrom(random.nextBoolean() ? "/c" : ""))
                  .build());
      case 23 ->
          new Event.SandboxCreated(
              SandboxCreatedPayload.newBuilder().setId(id).setShimId(id()).build());
      case 24 -> new Event.SandboxStopping(SandboxStoppingPayload.newBuilder().setId(id).build());
      case 25 -> new Event.SandboxStopped(SandboxStoppedPayload.newBuilder().setId(id).build());
      case 43 -> new Event.SandboxEnded(SandboxEndedPayload.newBuilder().setId(id).build());
      case 26 -> new Event.SandboxRemoving(SandboxRemovingPayload.newBuilder().setId(id).build());
      case 27 -> new Event.SandboxRemoved(SandboxRemovedPayload.newBuilder().setId(id).build());
      case 28 -> new Event.ShimStarting(ShimStartingPayload.newBuilder().setId(id).build());
      case 29 -> new Event.ShimStarted(ShimStartedPayload.newBuilder().setId(id).build());
      case 30 ->
          new Event.ShimAssigned(ShimAssignedPayload.newBuilder().setId(id).setOwner(id()).build());
      case 31 -> new Event.ShimLost(ShimLostPayload.newBuilder().setId(id).build());
      case 32 ->
          new Event.ShimReplaced(
              ShimReplacedPayload.newBuilder().setId(id).setSuccessor(id()).build());
      case 33 ->
          new Event.SnapshotPreparing(
              SnapshotPreparingPayload.newBuilder()
                  .setSnapshot(SnapshotRecord.newBuilder().setSnapshotter("overlayfs").setKey(id))
                  .build());
      case 34 ->
          new Event.SnapshotPrepared(
              SnapshotPreparedPayload.newBuilder().setSnapshotter("overlayfs").setKey(id).build());
      default ->
          new Event.SnapshotCommitted(
              SnapshotCommittedPayload.newBuilder()
                  .setSnapshotter("overlayfs")
                  .setKey(id)
                  .setName("committed-" + id())
                  .build());
    };
  }

  private static ContainerCreatingPayload creating(String id) {
    return ContainerCreatingPayload.newBuilder().setContainer(record(id)).build();
  }

  private static ContainerRecord record(String id) {
    return ContainerRecord.newBuilder()
        .setId(id)
        .putLabels("x", id)
        .setSpec(Opaque.newBuilder().setTypeUrl("spec"))
        .build();
  }
}
