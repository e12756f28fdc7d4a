package dev.retainerd.replay;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogClock;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.SecretSpans;
import dev.retainerd.eventlog.proto.*;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes the log of a made-up node, with a clock that this story moves. Every event is folded as it
 * is written: a story that the daemon could not have lived does not come about.
 */
final class NodeStory implements AutoCloseable {
  static final long BEGIN_NANOS = 1_795_478_400_000_000_000L; // 2026-11-24T00:00:00Z
  static final String POD = "ab".repeat(32);
  static final String BATCH = "cd".repeat(32);
  static final Actor KUBELET = new Actor(Actor.Kind.CLIENT, 812, 0, 0, "/usr/bin/kubelet");
  static final Actor CTR = new Actor(Actor.Kind.CLIENT, 4711, 1000, 1000, "/usr/bin/ctr");
  static final Actor DAEMON = new Actor(Actor.Kind.DAEMON, 100, 0, 0, "");
  static final Actor SHIM = new Actor(Actor.Kind.SHIM, 200, 0, 0, "");

  private final EventLog log;
  private final NodeState state = NodeState.inMemory();
  private long now = BEGIN_NANOS;
  private long last;
  private boolean folding = true;

  /** The first event of each request, which the others of it were caused by. */
  private final Map<String, Long> begun = new HashMap<>();

  NodeStory(Path folder) {
    this(folder, Optional.empty());
  }

  private NodeStory(Path folder, Optional<LogOptions.Checkpoints> checkpoints) {
    LogClock clock =
        new LogClock() {
          @Override
          public long wallNanos() {
            return now;
          }

          @Override
          public long monotonicNanos() {
            return now - BEGIN_NANOS;
          }
        };
    log =
        ChronicleEventLog.open(
            LogOptions.standard(folder)
                .withDurability(Durability.PROCESS_CRASH)
                .withSizes(1 << 20, 64 << 20, 0)
                .withClock(clock)
                .withCheckpoints(checkpoints)
                .withBootId("boot-1"));
  }

  /** Goes on with a day that was told before, some hours later. */
  static NodeStory goesOn(Path folder) {
    NodeStory s = new NodeStory(folder);
    return s.after(10 * 3_600_000L).unfolded();
  }

  /** Events that follow are not folded: the state before them is not at hand. */
  private NodeStory unfolded() {
    folding = false;
    return this;
  }

  /** Lets time pass. */
  NodeStory after(long millis) {
    now += millis * 1_000_000;
    return this;
  }

  long nowNanos() {
    return now;
  }

  /** The sequence of the last event. */
  long last() {
    return last;
  }

  NodeStory tell(String namespace, Actor actor, String request, Event event) {
    byte[] payload = event.payload().toByteArray();
    EnvelopeDraft draft =
        new EnvelopeDraft(
            namespace,
            event.subject(),
            actor,
            request,
            request.isEmpty() ? 0 : begun.getOrDefault(request, 0L),
            event.type().number(),
            event.type().schemaVersion(),
            payload,
            SecretSpans.of(event.payload(), payload));
    Envelope envelope = log.append(List.of(draft)).envelopes().getFirst();
    log.force();
    last = envelope.sequence();
    begun.putIfAbsent(request, last);
    EventHeader header = new EventHeader(last, envelope.bootId(), envelope.wallNanos(), namespace);
    if (folding) {
      state.apply(last, Fold.fold(state, header, event));
    }
    return this;
  }

  NodeStory daemonStarts(int pid, boolean cleanBefore) {
    return tell(
        "",
        DAEMON,
        "",
        new Event.DaemonStarted(
            DaemonStartedPayload.newBuilder()
                .setVersion("0.1.0")
                .setPid(pid)
                .setBootId("boot-1")
                .setNodeId("node-1")
                .setPreviousStopWasClean(cleanBefore)
                .build()));
  }

  NodeStory recovers() {
    return tell(
        "",
        DAEMON,
        "",
        new Event.RecoveryFinished(
            RecoveryFinishedPayload.newBuilder().setShimsReattached(1).setMillis(80).build()));
  }

  NodeStory shimStarts(String id) {
    tell(
        "",
        DAEMON,
        "",
        new Event.ShimStarting(ShimStartingPayload.newBuilder().setId(id).setSpare(true).build()));
    after(120);
    return tell(
        "",
        DAEMON,
        "",
        new Event.ShimStarted(
            ShimStartedPayload.newBuilder()
                .setId(id)
                .setProcess(ProcessIdentity.newBuilder().setPid(200).setBootId("boot-1"))
                .build()));
  }

  NodeStory podRuns(String id, String name, String shim) {
    tell(
        "k8s.io",
        KUBELET,
        "r-1",
        new Event.SandboxCreating(
            SandboxCreatingPayload.newBuilder()
                .setSandbox(
                    SandboxRecord.newBuilder()
                        .setId(id)
                        .setName(name)
                        .setPodNamespace("default")
                        .setCreatedAtNanos(now)
                        .putAnnotations("token", "hunter2"))
                .build()));
    after(55);
    tell(
        "k8s.io",
        KUBELET,
        "r-1",
        new Event.SandboxNetworkAttached(
            SandboxNetworkAttachedPayload.newBuilder()
                .setId(id)
                .addAttachments(
                    NetworkAttachment.newBuilder().setNetwork("bridge").addAddresses("10.1.0.7"))
                .build()));
    after(4);
    return tell(
        "k8s.io",
        KUBELET,
        "r-1",
        new Event.SandboxCreated(
            SandboxCreatedPayload.newBuilder().setId(id).setShimId(shim).build()));
  }

  private static ContainerRecord record(String id, String pod, String name) {
    ContainerRecord.Builder record =
        ContainerRecord.newBuilder()
            .setId(id)
            .setImage("docker.io/library/busybox:1")
            .setRuntime("io.containerd.runc.v2");
    if (!pod.isEmpty()) {
      record.setCri(
          CriContainer.newBuilder().setName(name).setSandboxId(pod).setImageRef("busybox:1"));
    }
    return record.build();
  }

  NodeStory containerRuns(String namespace, Actor by, String id, String pod, String name, int pid) {
    ContainerRecord record = record(id, pod, name);
    tell(
        namespace,
        by,
        "r-" + name,
        new Event.ContainerCreating(
            ContainerCreatingPayload.newBuilder().setContainer(record).build()));
    after(9);
    tell(
        namespace,
        by,
        "r-" + name,
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder().setContainer(record).build()));
    after(3);
    tell(
        namespace,
        by,
        "r-" + name,
        new Event.TaskCreating(
            TaskCreatingPayload.newBuilder().setContainerId(id).setShimId("shim-1").build()));
    after(41);
    tell(
        namespace,
        by,
        "r-" + name,
        new Event.TaskCreated(
            TaskCreatedPayload.newBuilder()
                .setContainerId(id)
                .setInit(ProcessIdentity.newBuilder().setPid(pid))
                .build()));
    tell(
        namespace,
        by,
        "r-" + name,
        new Event.TaskStarting(TaskStartingPayload.newBuilder().setContainerId(id).build()));
    after(9);
    return tell(
        namespace,
        by,
        "r-" + name,
        new Event.TaskStarted(
            TaskStartedPayload.newBuilder()
                .setContainerId(id)
                .setPid(pid)
                .setStartedAtNanos(now)
                .build()));
  }

  NodeStory stopAsked(String namespace, String id, int signal, long graceMillis) {
    return tell(
        namespace,
        KUBELET,
        "r-stop",
        new Event.TaskStopping(
            TaskStoppingPayload.newBuilder()
                .setContainerId(id)
                .setSignal(signal)
                .setGraceMillis(graceMillis)
                .build()));
  }

  NodeStory outOfMemory(String namespace, String id) {
    return tell(
        namespace,
        SHIM,
        "",
        new Event.TaskOom(TaskOomPayload.newBuilder().setContainerId(id).build()));
  }

  NodeStory exits(String namespace, String id, int status, long atNanos, ExitSource source) {
    return tell(
        namespace,
        SHIM,
        "",
        new Event.TaskExited(
            TaskExitedPayload.newBuilder()
                .setContainerId(id)
                .setPid(1)
                .setStatus(status)
                .setExitedAtNanos(atNanos)
                .setSource(source)
                .build()));
  }

  /**
   * A day on the node: a pod with two containers, one of which exits with 7 while no daemon lives,
   * the other is stopped by kubelet; and one of ctr that runs out of memory. One intent stays open.
   */
  static void aDay(Path folder) {
    try (NodeStory s = new NodeStory(folder)) {
      s.liveADay();
    }
  }

  /** The same, with signed checkpoints; the key is kept in a folder of its own. */
  static void signedDay(Path root, Path keyFolder) {
    LogOptions.Checkpoints every =
        new LogOptions.Checkpoints(keyFolder, Optional.empty(), Duration.ofMillis(20));
    try (NodeStory s = new NodeStory(root.resolve("log"), Optional.of(every))) {
      s.liveADay();
    }
  }

  private void liveADay() {
    daemonStarts(100, true).after(5).recovers().after(20).shimStarts("shim-1").after(500);
    podRuns(POD, "shop", "shim-1").after(30);
    containerRuns("k8s.io", KUBELET, "web", POD, "web", 301).after(40);
    containerRuns("k8s.io", KUBELET, BATCH, POD, "batch", 302).after(60_000);
    containerRuns("default", CTR, "greedy", "", "greedy", 303).after(8_000);
    outOfMemory("default", "greedy").after(2);
    exits("default", "greedy", 137, nowNanos(), ExitSource.EXIT_SOURCE_SHIM).after(30_000);
    // The daemon is killed here; BATCH exits, and the daemon comes again.
    after(4_000);
    long unattended = nowNanos();
    after(2_500).daemonStarts(110, false).after(90);
    exits("k8s.io", BATCH, 7, unattended, ExitSource.EXIT_SOURCE_RECORD).after(10).recovers();
    after(120_000).stopAsked("k8s.io", "web", 15, 10_000).after(10_003);
    exits("k8s.io", "web", 137, nowNanos(), ExitSource.EXIT_SOURCE_SHIM).after(1_000);
    tell(
        "k8s.io",
        KUBELET,
        "r-9",
        new Event.ContainerRemoving(ContainerRemovingPayload.newBuilder().setId("web").build()));
  }

  /** A short story with signed checkpoints; the key is kept in a folder of its own. */
  static void signed(Path root, Path keyFolder) {
    LogOptions.Checkpoints every =
        new LogOptions.Checkpoints(keyFolder, Optional.empty(), Duration.ofMillis(50));
    try (NodeStory s = new NodeStory(root.resolve("log"), Optional.of(every))) {
      s.daemonStarts(99, true).after(5).recovers();
    }
  }

  /** Many pods, for looking at. */
  static void aCrowd(Path folder, int pods) {
    try (NodeStory s = new NodeStory(folder)) {
      s.daemonStarts(100, true).after(5).recovers().after(20).shimStarts("shim-1").after(500);
      for (int i = 0; i < pods; i++) {
        String pod = String.format("%064x", 0xabcdef0000L + i);
        s.podRuns(pod, "pod-" + i, "shim-1").after(30);
        for (int c = 0; c < 3; c++) {
          String id = String.format("%064x", 0x123456000000L + i * 16 + c);
          s.containerRuns("k8s.io", KUBELET, id, pod, "app-" + c, 1000 + i * 3 + c).after(700);
          if (c > 0) {
            s.exits("k8s.io", id, c == 1 ? 0 : 3, s.nowNanos(), ExitSource.EXIT_SOURCE_SHIM);
          }
        }
        if (i == pods / 2) {
          s.after(5_000).daemonStarts(110, false).after(60).recovers();
        }
      }
    }
  }

  /** Writes a story into the folder named, to look at it with the tool. */
  public static void main(String[] arguments) {
    if (arguments.length > 1) {
      aCrowd(Path.of(arguments[0]), Integer.parseInt(arguments[1]));
    } else {
      aDay(Path.of(arguments[0]));
    }
  }

  @Override
  public void close() {
    log.close();
  }
}
