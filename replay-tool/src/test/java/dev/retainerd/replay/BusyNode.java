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
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateEntries;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Writes the log of a node that is busy for weeks, by the daemon's own log, codec and fold: pods
 * come and go, their containers are probed by execs, fail, are started again. The same seed gives
 * the same story. Most events are probes, as on a real node; every container carries a spec.
 */
final class BusyNode implements AutoCloseable {
  private static final int PODS = 40;
  private static final Actor KUBELET = new Actor(Actor.Kind.CLIENT, 812, 0, 0, "/usr/bin/kubelet");
  private static final Actor DAEMON = new Actor(Actor.Kind.DAEMON, 100, 0, 0, "");
  private static final Actor SHIM = new Actor(Actor.Kind.SHIM, 200, 0, 0, "");
  private static final String BOOT = "3f0c2a8e-5b1d-4a57-9d0e-6c1b7a2f9e10";

  /** A container that runs. */
  private record Running(String id, String pod, int pid) {}

  private final Random random;
  private final EventLog log;
  private final NodeState state = NodeState.inMemory();
  private final List<Running> running = new ArrayList<>();
  private final List<String> pods = new ArrayList<>();
  private final List<EnvelopeDraft> batch = new ArrayList<>();
  private final List<Event> events = new ArrayList<>();
  private final String spec;
  private final int batchEvents;
  private final long stepNanos;
  private long now = NodeStory.BEGIN_NANOS;
  private long skew;
  private long count;
  private int pid = 1000;
  private long lastSequence;
  private byte[] lastHash = new byte[0];
  private String schema = CatchUp.schema();

  private BusyNode(Path folder, long seed, Optional<Path> keys, int batchEvents, long stepNanos) {
    this.batchEvents = batchEvents;
    this.stepNanos = stepNanos;
    this.random = new Random(seed);
    StringBuilder text = new StringBuilder("{\"ociVersion\":\"1.1.0\",\"process\":{\"env\":[");
    for (int i = 0; i < 40; i++) {
      text.append("\"VARIABLE_").append(i).append('=').append(Long.toHexString(random.nextLong()));
      text.append("\",");
    }
    this.spec = text.append("\"END=1\"]}}").toString();
    LogClock clock =
        new LogClock() {
          @Override
          public long wallNanos() {
            return now + skew;
          }

          @Override
          public long monotonicNanos() {
            return now - NodeStory.BEGIN_NANOS;
          }
        };
    log =
        ChronicleEventLog.open(
            LogOptions.standard(folder)
                .withDurability(Durability.PROCESS_CRASH)
                .withSizes(1 << 20, 1L << 30, 0)
                .withClock(clock)
                .withCheckpoints(
                    keys.map(
                        k ->
                            new LogOptions.Checkpoints(k, Optional.empty(), Duration.ofSeconds(5))))
                .withBootId(BOOT));
  }

  /** Writes about so many events, a few more at most. */
  static long write(Path folder, long wanted, long seed, Optional<Path> keys) {
    return write(folder, wanted, seed, keys, Long.MAX_VALUE);
  }

  /** The same, with a snapshot of the state every so many events. */
  static long write(Path folder, long wanted, long seed, Optional<Path> keys, long snapshotEvery) {
    return write(new BusyNode(folder, seed, keys, 512, 40_000_000L), wanted, snapshotEvery);
  }

  /** The same, with a wall clock that is set to another time in between, and only it. */
  static void writeWithSetClock(
      Path folder, long wanted, long snapshotEvery, long atEvent, long byNanos) {
    try (BusyNode node = new BusyNode(folder, 9, Optional.empty(), 64, 40_000_000L)) {
      long next = snapshotEvery;
      node.daemonStarts(true);
      while (node.count < wanted) {
        node.something();
        if (node.count >= atEvent && node.skew == 0) {
          node.flush();
          node.skew = byNanos;
        }
        if (node.count >= next) {
          node.snapshot();
          next += snapshotEvery;
        }
      }
      node.flush();
    }
  }

  /** The same with snapshots that say another version of the fold made them. */
  static void writeWithSchema(Path folder, long wanted, long snapshotEvery, String schema) {
    BusyNode node = new BusyNode(folder, 9, Optional.empty(), 64, 40_000_000L);
    node.schema = schema;
    write(node, wanted, snapshotEvery);
  }

  /** The same with a wall clock that is wrong for a while only, and right at every snapshot. */
  static void writeWithExcursion(Path folder, long wanted, long atEvent, long events, long by) {
    try (BusyNode node = new BusyNode(folder, 9, Optional.empty(), 64, 40_000_000L)) {
      node.daemonStarts(true);
      while (node.count < wanted) {
        node.something();
        boolean wrong = node.count >= atEvent && node.count < atEvent + events;
        if (wrong != (node.skew != 0)) {
          node.flush();
          node.skew = wrong ? by : 0;
        }
        if (node.count % 700 < 3 && !wrong) {
          node.snapshot();
        }
      }
      node.flush();
    }
  }

  /** An hour with so many events, each at its own time. */
  static void writeHour(Path folder, long wanted, long seed) {
    write(
        new BusyNode(folder, seed, Optional.empty(), 1, 3_600_000_000_000L / wanted),
        wanted,
        Long.MAX_VALUE);
  }

  private static long write(BusyNode made, long wanted, long snapshotEvery) {
    long next = snapshotEvery;
    try (BusyNode node = made) {
      node.daemonStarts(true);
      while (node.count < wanted) {
        node.something();
        if (node.count >= next) {
          node.snapshot();
          next += snapshotEvery;
        }
      }
      node.flush();
      return node.count;
    }
  }

  private void tell(String namespace, Actor actor, Event event) {
    byte[] payload = event.payload().toByteArray();
    batch.add(
        new EnvelopeDraft(
            namespace,
            event.subject(),
            actor,
            actor == KUBELET ? "r-" + count : "",
            0,
            event.type().number(),
            event.type().schemaVersion(),
            payload,
            SecretSpans.of(event.payload(), payload)));
    events.add(event);
    count++;
    if (batch.size() >= batchEvents) {
      flush();
    }
  }

  /** Writes a snapshot of the state and the event that names it, as the daemon does. */
  private void snapshot() {
    flush();
    try {
      StateSnapshot taken =
          SnapshotFolder.of(log.status().directory())
              .write(log.status().nodeId(), lastSequence, lastHash, schema, StateEntries.of(state));
      tell(
          "",
          DAEMON,
          new Event.StateSnapshotTaken(
              StateSnapshotTakenPayload.newBuilder()
                  .setSequence(taken.sequence())
                  .setContentHash(com.google.protobuf.ByteString.copyFrom(taken.contentHash()))
                  .setFile(taken.file().getFileName().toString())
                  .build()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void flush() {
    if (batch.isEmpty()) {
      return;
    }
    List<Envelope> envelopes = log.append(batch).envelopes();
    log.force();
    for (int i = 0; i < envelopes.size(); i++) {
      Envelope e = envelopes.get(i);
      EventHeader at = new EventHeader(e.sequence(), e.bootId(), e.wallNanos(), e.namespace());
      state.apply(e.sequence(), Fold.fold(state, at, events.get(i)));
    }
    lastSequence = envelopes.getLast().sequence();
    lastHash = envelopes.getLast().hash();
    batch.clear();
    events.clear();
    now += stepNanos;
  }

  private void something() {
    int dice = random.nextInt(1000);
    if (running.isEmpty() || pods.size() < PODS && dice < 100) {
      podComes();
    } else if (dice < 4) {
      podGoes(pods.get(random.nextInt(pods.size())));
    } else if (dice < 24) {
      fails(running.get(random.nextInt(running.size())));
    } else if (count % 100_000 < 10) {
      daemonStarts(random.nextInt(4) == 0);
    } else {
      probe(running.get(random.nextInt(running.size())));
    }
  }

  private String id() {
    return String.format(
        "%016x%016x%016x%016x",
        random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }

  private void daemonStarts(boolean clean) {
    tell(
        "",
        DAEMON,
        new Event.DaemonStarted(
            DaemonStartedPayload.newBuilder()
                .setVersion("0.1.0")
                .setPid(100)
                .setBootId(BOOT)
                .setNodeId("node-1")
                .setPreviousStopWasClean(clean)
                .build()));
    tell(
        "",
        DAEMON,
        new Event.RecoveryFinished(RecoveryFinishedPayload.newBuilder().setMillis(80).build()));
  }

  private void podComes() {
    String pod = id();
    pods.add(pod);
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxCreating(
            SandboxCreatingPayload.newBuilder()
                .setSandbox(
                    SandboxRecord.newBuilder()
                        .setId(pod)
                        .setName("shop-" + pod.substring(0, 6))
                        .setPodNamespace("default")
                        .setCreatedAtNanos(now)
                        .putAnnotations("checksum/config", pod))
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxNetworkAttached(
            SandboxNetworkAttachedPayload.newBuilder()
                .setId(pod)
                .addAttachments(
                    NetworkAttachment.newBuilder()
                        .setNetwork("bridge")
                        .addAddresses(
                            "10." + random.nextInt(250) + "." + random.nextInt(250) + ".7"))
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxCreated(SandboxCreatedPayload.newBuilder().setId(pod).build()));
    int containers = 1 + random.nextInt(3);
    for (int i = 0; i < containers; i++) {
      containerComes(pod, "app-" + i);
    }
  }

  private void containerComes(String pod, String name) {
    String id = id();
    ContainerRecord record =
        ContainerRecord.newBuilder()
            .setId(id)
            .setImage("docker.io/library/shop:1.2.3")
            .setRuntime("io.containerd.runc.v2")
            .setSpec(
                Opaque.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Spec")
                    .setValue(com.google.protobuf.ByteString.copyFromUtf8(spec)))
            .setCri(CriContainer.newBuilder().setName(name).setSandboxId(pod).setImageRef("shop:1"))
            .build();
    tell(
        "k8s.io",
        KUBELET,
        new Event.ContainerCreating(
            ContainerCreatingPayload.newBuilder().setContainer(record).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.ContainerCreated(
            ContainerCreatedPayload.newBuilder().setContainer(record).build()));
    taskStarts(id, pod);
  }

  private void taskStarts(String id, String pod) {
    int init = ++pid;
    tell(
        "k8s.io",
        KUBELET,
        new Event.TaskCreating(
            TaskCreatingPayload.newBuilder().setContainerId(id).setShimId("shim-1").build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.TaskCreated(
            TaskCreatedPayload.newBuilder()
                .setContainerId(id)
                .setInit(ProcessIdentity.newBuilder().setPid(init).setBootId(BOOT))
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.TaskStarting(TaskStartingPayload.newBuilder().setContainerId(id).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.TaskStarted(
            TaskStartedPayload.newBuilder()
                .setContainerId(id)
                .setPid(init)
                .setStartedAtNanos(now)
                .build()));
    running.add(new Running(id, pod, init));
  }

  private void probe(Running one) {
    String exec = Long.toHexString(random.nextLong());
    tell(
        "k8s.io",
        KUBELET,
        new Event.ExecAdded(
            ExecAddedPayload.newBuilder()
                .setContainerId(one.id())
                .setExecId(exec)
                .setProcess(
                    Opaque.newBuilder()
                        .setTypeUrl("process")
                        .setValue(
                            com.google.protobuf.ByteString.copyFromUtf8(
                                "{\"args\":[\"/bin/healthy\"]}")))
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.ExecStarting(
            ExecStartingPayload.newBuilder().setContainerId(one.id()).setExecId(exec).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.ExecStarted(
            ExecStartedPayload.newBuilder()
                .setContainerId(one.id())
                .setExecId(exec)
                .setProcess(ProcessIdentity.newBuilder().setPid(++pid).setBootId(BOOT))
                .build()));
    tell(
        "k8s.io",
        SHIM,
        new Event.ExecExited(
            ExecExitedPayload.newBuilder()
                .setContainerId(one.id())
                .setExecId(exec)
                .setPid(pid)
                .setExitedAtNanos(now)
                .setSource(ExitSource.EXIT_SOURCE_SHIM)
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.ExecDeleted(
            ExecDeletedPayload.newBuilder().setContainerId(one.id()).setExecId(exec).build()));
  }

  private void exits(Running one, int status) {
    running.remove(one);
    tell(
        "k8s.io",
        SHIM,
        new Event.TaskExited(
            TaskExitedPayload.newBuilder()
                .setContainerId(one.id())
                .setPid(one.pid())
                .setStatus(status)
                .setExitedAtNanos(now)
                .setSource(ExitSource.EXIT_SOURCE_SHIM)
                .build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.TaskDeleted(
            TaskDeletedPayload.newBuilder()
                .setContainerId(one.id())
                .setPid(one.pid())
                .setStatus(status)
                .build()));
  }

  private void fails(Running one) {
    if (random.nextInt(3) == 0) {
      tell(
          "k8s.io",
          SHIM,
          new Event.TaskOom(TaskOomPayload.newBuilder().setContainerId(one.id()).build()));
    }
    exits(one, 137);
    taskStarts(one.id(), one.pod());
  }

  private void podGoes(String pod) {
    pods.remove(pod);
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxStopping(SandboxStoppingPayload.newBuilder().setId(pod).build()));
    for (Running one : running.stream().filter(r -> r.pod().equals(pod)).toList()) {
      tell(
          "k8s.io",
          KUBELET,
          new Event.TaskStopping(
              TaskStoppingPayload.newBuilder()
                  .setContainerId(one.id())
                  .setSignal(15)
                  .setGraceMillis(30_000)
                  .build()));
      exits(one, 143);
      tell(
          "k8s.io",
          KUBELET,
          new Event.ContainerRemoving(
              ContainerRemovingPayload.newBuilder().setId(one.id()).build()));
      tell(
          "k8s.io",
          KUBELET,
          new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(one.id()).build()));
    }
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxNetworkDetached(
            SandboxNetworkDetachedPayload.newBuilder().setId(pod).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxStopped(SandboxStoppedPayload.newBuilder().setId(pod).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxRemoving(SandboxRemovingPayload.newBuilder().setId(pod).build()));
    tell(
        "k8s.io",
        KUBELET,
        new Event.SandboxRemoved(SandboxRemovedPayload.newBuilder().setId(pod).build()));
  }

  @Override
  public void close() {
    log.close();
  }

  /**
   * {@code FOLDER EVENTS [SEED [SNAPSHOT-EVERY]]}: writes such a log, to look at it with the tool.
   */
  public static void main(String[] arguments) {
    long from = System.nanoTime();
    Path folder = Path.of(arguments[0]);
    long seed = arguments.length > 2 ? Long.parseLong(arguments[2]) : 1;
    long events =
        write(
            folder,
            Long.parseLong(arguments[1]),
            seed,
            Optional.of(folder.resolveSibling("keys")),
            arguments.length > 3 ? Long.parseLong(arguments[3]) : Long.MAX_VALUE);
    System.out.println(events + " events in " + (System.nanoTime() - from) / 1_000_000 + " ms");
  }
}
