package dev.retainerd.runtime.figures;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.SecretSpans;
import dev.retainerd.eventlog.proto.*;
import dev.retainerd.store.fold.EventHeader;
import java.util.ArrayList;
import java.util.List;

/** Histories of pods with one container each, as a kubelet makes them. Pure. */
final class PodLives {
  static final String NAMESPACE = "k8s.io";

  private PodLives() {}

  static EventHeader header(long sequence) {
    return new EventHeader(sequence, "boot", sequence * 1_000, NAMESPACE);
  }

  static EnvelopeDraft draft(Event event) {
    byte[] payload = event.payload().toByteArray();
    return new EnvelopeDraft(
        NAMESPACE,
        event.subject(),
        Actor.daemon(),
        "",
        0,
        event.type().number(),
        event.type().schemaVersion(),
        payload,
        SecretSpans.of(event.payload(), payload));
  }

  /** A pod is made, its container runs and exits, and both stay there, dead: 11 events. */
  static List<Event> dead(int number) {
    String pod = id("pod", number);
    String container = id("con", number);
    List<Event> life = new ArrayList<>(made(number, pod, container));
    life.add(
        new Event.TaskExited(
            TaskExitedPayload.newBuilder()
                .setContainerId(container)
                .setStatus(1)
                .setExitedAtNanos(number)
                .build()));
    life.add(
        new Event.TaskDeleted(TaskDeletedPayload.newBuilder().setContainerId(container).build()));
    return life;
  }

  /** The whole life of a pod, after which nothing is left of it: 18 events. */
  static List<Event> whole(int number) {
    String pod = id("pod", number);
    String container = id("con", number);
    List<Event> life = new ArrayList<>(dead(number));
    life.add(
        new Event.ContainerRemoving(
            ContainerRemovingPayload.newBuilder().setId(container).build()));
    life.add(
        new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(container).build()));
    life.add(new Event.SandboxStopping(SandboxStoppingPayload.newBuilder().setId(pod).build()));
    life.add(
        new Event.SandboxNetworkDetached(
            SandboxNetworkDetachedPayload.newBuilder().setId(pod).build()));
    life.add(new Event.SandboxStopped(SandboxStoppedPayload.newBuilder().setId(pod).build()));
    life.add(new Event.SandboxRemoving(SandboxRemovingPayload.newBuilder().setId(pod).build()));
    life.add(new Event.SandboxRemoved(SandboxRemovedPayload.newBuilder().setId(pod).build()));
    return life;
  }

  private static List<Event> made(int number, String pod, String container) {
    return List.of(
        new Event.SandboxCreating(
            SandboxCreatingPayload.newBuilder().setSandbox(sandbox(number, pod)).build()),
        new Event.SandboxNetworkAttached(
            SandboxNetworkAttachedPayload.newBuilder()
                .setId(pod)
                .addAttachments(
                    NetworkAttachment.newBuilder()
                        .setNetwork("net")
                        .addAddresses("10.1." + number % 250 + ".7/24"))
                .build()),
        new Event.SandboxCreated(
            SandboxCreatedPayload.newBuilder().setId(pod).setShimId("shim").build()),
        new Event.ContainerCreating(
            ContainerCreatingPayload.newBuilder()
                .setContainer(container(number, pod, container, ""))
                .build()),
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder()
                .setContainer(container(number, pod, container, "{\"ociVersion\":\"1.1.0\"}"))
                .build()),
        new Event.TaskCreating(
            TaskCreatingPayload.newBuilder().setContainerId(container).setShimId("shim").build()),
        new Event.TaskCreated(
            TaskCreatedPayload.newBuilder()
                .setContainerId(container)
                .setInit(ProcessIdentity.newBuilder().setPid(1 + number))
                .build()),
        new Event.TaskStarting(TaskStartingPayload.newBuilder().setContainerId(container).build()),
        new Event.TaskStarted(
            TaskStartedPayload.newBuilder()
                .setContainerId(container)
                .setStartedAtNanos(number)
                .build()));
  }

  private static SandboxRecord sandbox(int number, String id) {
    return SandboxRecord.newBuilder()
        .setId(id)
        .setName("web-" + number)
        .setUid("uid-" + number)
        .setPodNamespace("default")
        .putLabels("app", "web")
        .putLabels("io.kubernetes.pod.name", "web-" + number)
        .putLabels("io.kubernetes.pod.uid", "uid-" + number)
        .setConfig(ByteString.copyFrom(new byte[600]))
        .setCgroupParent("/kubepods/pod" + number)
        .build();
  }

  /** About as large as CRI's: a configuration of 1.2 KB, five labels. */
  private static ContainerRecord container(int number, String pod, String id, String spec) {
    ContainerRecord.Builder record =
        ContainerRecord.newBuilder()
            .setId(id)
            .setImage("docker.io/library/nginx:1.27")
            .setRuntime("io.containerd.runc.v2")
            .setSnapshotter("overlayfs")
            .setSnapshotKey(id)
            .setSandboxId(pod)
            .putLabels("io.cri-containerd.kind", "container")
            .putLabels("app", "web")
            .putLabels("io.kubernetes.container.name", "main")
            .putLabels("io.kubernetes.pod.name", "web-" + number)
            .putLabels("io.kubernetes.pod.uid", "uid-" + number)
            .setCri(
                CriContainer.newBuilder()
                    .setName("main")
                    .setSandboxId(pod)
                    .setConfig(ByteString.copyFrom(new byte[1_200]))
                    .setLogPath("/var/log/pods/default_web-" + number + "/main/0.log")
                    .setImageRef("docker.io/library/nginx:1.27"));
    if (!spec.isEmpty()) {
      record.setSpec(
          Opaque.newBuilder()
              .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Spec")
              .setValue(ByteString.copyFromUtf8(spec)));
    }
    return record.build();
  }

  /** An event of about 300 B in the log. */
  static Event small(String container, long round) {
    return new Event.ContainerUpdated(
        ContainerUpdatedPayload.newBuilder()
            .setContainer(
                ContainerRecord.newBuilder().setId(container).putLabels("round", "" + round))
            .build());
  }

  static Event created(String container) {
    return new Event.ContainerCreated(
        ContainerCreatedPayload.newBuilder()
            .setContainer(ContainerRecord.newBuilder().setId(container))
            .build());
  }

  /** Like random ones: 64 hexadecimal digits of which the first tell most of them apart. */
  private static String id(String kind, int number) {
    long mixed = (number + 1L) * 0x9E3779B97F4A7C15L;
    return String.format("%016x", mixed).repeat(4).substring(kind.length()) + kind;
  }
}
