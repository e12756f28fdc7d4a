package dev.retainerd.store.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerCreatingPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.eventlog.proto.TaskCreatedPayload;
import dev.retainerd.eventlog.proto.TaskCreatingPayload;
import dev.retainerd.eventlog.proto.TaskDeletedPayload;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskStartedPayload;
import dev.retainerd.eventlog.proto.TaskStartingPayload;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the projection keeps in memory of containers that have run, four to a pod. */
class MemoryOfHistoryTest {
  private static final int CONTAINERS = 4_000;
  private static final int PER_POD = 4;

  /** With object headers as compact as the daemon's. */
  private static final long BOUND_BYTES_PER_THOUSAND = 4_000_000;

  @Test
  void aThousandDeadContainersStayWithinTheirBound() throws Exception {
    NodeState warm = NodeState.withCold(new Nothing());
    fill(warm, 200);
    long before = used();
    NodeState state = NodeState.withCold(new Nothing());
    fill(state, CONTAINERS);
    long perThousand = (used() - before) * 1_000 / CONTAINERS;
    assertEquals(CONTAINERS, state.count(Kind.CONTAINER));
    assertEquals(200, warm.count(Kind.CONTAINER));
    System.out.printf("memory of 1,000 dead containers, four to a pod: %,d B%n", perThousand);
    assertTrue(perThousand < BOUND_BYTES_PER_THOUSAND, perThousand + " B");
  }

  /** Specs are in the store on disk. */
  private static final class Nothing implements NodeState.ColdEntries {
    @Override
    public <T extends com.google.protobuf.Message> Optional<T> get(Key<T> key) {
      return Optional.empty();
    }
  }

  private static long used() throws InterruptedException {
    Runtime runtime = Runtime.getRuntime();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      System.gc();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
  }

  private static void fill(NodeState state, int containers) throws Exception {
    long sequence = 0;
    for (int number = 0; number < containers; number++) {
      for (Event event : life(number)) {
        sequence++;
        // As the daemon gets them: decoded, so that nothing is shared between entries.
        Event decoded =
            event.type().decode(event.type().schemaVersion(), event.payload().toByteArray());
        EventHeader at = new EventHeader(sequence, "boot", sequence, "k8s.io");
        state.apply(sequence, Fold.fold(state, at, decoded));
      }
    }
  }

  private static List<Event> life(int number) {
    String pod = "p" + "0".repeat(57) + number / PER_POD;
    String id = "c" + "0".repeat(57) + number;
    SandboxRecord sandbox =
        SandboxRecord.newBuilder()
            .setId(pod)
            .setName("web-" + number)
            .setUid("0d9c8b7a-1234-4321-abcd-" + number)
            .setPodNamespace("default")
            .putLabels("app", "web")
            .putLabels("io.kubernetes.pod.name", "web-" + number)
            .putLabels("io.kubernetes.pod.uid", "0d9c8b7a-1234-4321-abcd-" + number)
            .setConfig(ByteString.copyFrom(new byte[600]))
            .build();
    ContainerRecord container =
        ContainerRecord.newBuilder()
            .setId(id)
            .setImage("docker.io/library/nginx:1.27")
            .setRuntime("io.containerd.runc.v2")
            .setSnapshotKey(id)
            .setSandboxId(pod)
            .putLabels("io.cri-containerd.kind", "container")
            .putLabels("app", "web")
            .putLabels("io.kubernetes.container.name", "main")
            .putLabels("io.kubernetes.pod.name", "web-" + number)
            .putLabels("io.kubernetes.pod.uid", "0d9c8b7a-1234-4321-abcd-" + number)
            .setSpec(Opaque.newBuilder().setValue(ByteString.copyFrom(new byte[8_000])))
            .setCri(
                CriContainer.newBuilder()
                    .setName("main")
                    .setSandboxId(pod)
                    .setConfig(ByteString.copyFrom(new byte[1_200]))
                    .setLogPath("/var/log/pods/default_web-" + number + "/main/0.log"))
            .build();
    List<Event> life = new ArrayList<>();
    if (number % PER_POD == 0) {
      life.add(
          new Event.SandboxCreating(
              SandboxCreatingPayload.newBuilder().setSandbox(sandbox).build()));
      life.add(
          new Event.SandboxCreated(
              SandboxCreatedPayload.newBuilder().setId(pod).setShimId("s").build()));
    }
    life.addAll(run(id, container));
    return life;
  }

  private static List<Event> run(String id, ContainerRecord container) {
    return List.of(
        new Event.ContainerCreating(
            ContainerCreatingPayload.newBuilder().setContainer(container).build()),
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder().setContainer(container).build()),
        new Event.TaskCreating(
            TaskCreatingPayload.newBuilder().setContainerId(id).setShimId("s").build()),
        new Event.TaskCreated(TaskCreatedPayload.newBuilder().setContainerId(id).build()),
        new Event.TaskStarting(TaskStartingPayload.newBuilder().setContainerId(id).build()),
        new Event.TaskStarted(TaskStartedPayload.newBuilder().setContainerId(id).build()),
        new Event.TaskExited(
            TaskExitedPayload.newBuilder().setContainerId(id).setStatus(1).build()),
        new Event.TaskDeleted(TaskDeletedPayload.newBuilder().setContainerId(id).build()));
  }
}
