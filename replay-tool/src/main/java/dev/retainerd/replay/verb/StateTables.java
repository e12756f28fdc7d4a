package dev.retainerd.replay.verb;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Phrases;
import java.io.PrintStream;
import java.time.Instant;
import java.util.Optional;

/** The state as tables with the columns of crictl and ctr. */
final class StateTables {
  private final NodeState state;
  private final long atNanos;

  /** The tables; ages are counted up to {@code at}. */
  StateTables(NodeState state, Instant at) {
    this.state = state;
    this.atNanos = at.getEpochSecond() * 1_000_000_000L + at.getNano();
  }

  void print(PrintStream out) {
    print(out, "PODS (crictl pods)", pods());
    print(out, "CONTAINERS OF PODS (crictl ps -a)", podContainers());
    print(out, "CONTAINERS (ctr containers ls)", containers());
    print(out, "TASKS (ctr tasks ls)", tasks());
    print(out, "IMAGES (ctr images ls)", images());
    print(out, "SNAPSHOTS (ctr snapshots ls)", snapshots());
    print(out, "SHIMS", shims());
    print(out, "UNDER WAY", underWay());
  }

  private static void print(PrintStream out, String title, Columns columns) {
    if (!columns.isEmpty()) {
      out.println();
      out.println(title);
      columns.print(out);
    }
  }

  private String age(long nanos) {
    return nanos <= 0 ? "-" : Phrases.duration(atNanos - nanos) + " before";
  }

  private Columns pods() {
    Columns rows =
        new Columns(
            "POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME", "ADDRESS");
    state.forEach(
        Kind.SANDBOX,
        (key, entry) -> {
          SandboxRecord pod = entry.getSandbox();
          String address =
              entry.getAttachmentsList().stream()
                  .flatMap(a -> a.getAddressesList().stream())
                  .findFirst()
                  .orElse("-");
          rows.row(
              Phrases.shortId(pod.getId()),
              age(pod.getCreatedAtNanos()),
              word(entry.getPhase()),
              pod.getName(),
              pod.getPodNamespace(),
              pod.getAttempt(),
              pod.getRuntimeHandler().isEmpty() ? "(default)" : pod.getRuntimeHandler(),
              address);
        });
    return rows;
  }

  private static String word(SandboxPhase phase) {
    return switch (phase) {
      case SANDBOX_PHASE_READY -> "Ready";
      case SANDBOX_PHASE_STOPPED, SANDBOX_PHASE_ENDED -> "NotReady";
      default -> phase(phase);
    };
  }

  /** SHIM_PHASE_RUNNING reads as RUNNING. */
  static String phase(Enum<?> phase) {
    int at = phase.name().indexOf("_PHASE_");
    return at < 0 ? phase.name() : phase.name().substring(at + "_PHASE_".length());
  }

  private Columns podContainers() {
    Columns rows =
        new Columns(
            "CONTAINER", "IMAGE", "CREATED", "STATE", "EXIT", "NAME", "ATTEMPT", "POD ID", "POD");
    state.forEach(
        Kind.CONTAINER,
        (key, entry) -> {
          ContainerRecord c = entry.getContainer();
          if (c.hasCri()) {
            rows.row(
                Phrases.shortId(c.getId()),
                c.getCri().getImageRef(),
                age(c.getCreatedAtNanos()),
                criState(key.namespace(), entry),
                entry.getLastRun().hasExit() ? entry.getLastRun().getExit().getStatus() : "-",
                c.getCri().getName(),
                c.getCri().getAttempt(),
                Phrases.shortId(c.getCri().getSandboxId()),
                podName(key.namespace(), c.getCri().getSandboxId()));
          }
        });
    return rows;
  }

  private String criState(String namespace, ContainerEntry entry) {
    Optional<TaskEntry> task = state.get(Kind.TASK.key(namespace, entry.getContainer().getId()));
    if (task.isPresent() && !task.get().hasExit()) {
      return phase(task.get().getPhase());
    }
    boolean ran = entry.getLastRun().hasExit() || !entry.getLastRun().getStartFailure().isEmpty();
    return ran ? "EXITED" : phase(entry.getPhase());
  }

  private String podName(String namespace, String id) {
    return state
        .get(Kind.SANDBOX.key(namespace, id))
        .map(SandboxEntry::getSandbox)
        .map(SandboxRecord::getName)
        .orElse("-");
  }

  private Columns containers() {
    Columns rows = new Columns("NAMESPACE", "CONTAINER", "IMAGE", "RUNTIME", "EVENT");
    state.forEach(
        Kind.CONTAINER,
        (key, entry) ->
            rows.row(
                key.namespace(),
                entry.getContainer().getId(),
                entry.getContainer().getImage().isEmpty() ? "-" : entry.getContainer().getImage(),
                entry.getContainer().getRuntime(),
                entry.getProvenance().getChanged()));
    return rows;
  }

  private Columns tasks() {
    Columns rows = new Columns("NAMESPACE", "TASK", "PID", "STATUS", "EXIT", "SHIM", "EVENT");
    state.forEach(
        Kind.TASK,
        (key, entry) ->
            rows.row(
                key.namespace(),
                entry.getContainerId(),
                entry.getInit().getPid(),
                phase(entry.getPhase()),
                entry.hasExit()
                    ? entry.getExit().getStatus() + (entry.getOomKilled() ? " (OOMKilled)" : "")
                    : "-",
                entry.getShimId(),
                entry.getProvenance().getChanged()));
    return rows;
  }

  private Columns images() {
    Columns rows = new Columns("NAMESPACE", "REF", "TYPE", "DIGEST");
    state.forEach(
        Kind.IMAGE,
        (key, entry) ->
            rows.row(
                key.namespace(),
                entry.getImage().getName(),
                entry.getImage().getTarget().getMediaType(),
                entry.getImage().getTarget().getDigest()));
    return rows;
  }

  private Columns snapshots() {
    Columns rows = new Columns("NAMESPACE", "SNAPSHOTTER", "KEY", "PARENT", "KIND");
    state.forEach(
        Kind.SNAPSHOT,
        (key, entry) ->
            rows.row(
                key.namespace(),
                entry.getSnapshot().getSnapshotter(),
                entry.getSnapshot().getKey(),
                entry.getSnapshot().getParent().isEmpty() ? "-" : entry.getSnapshot().getParent(),
                kind(entry.getSnapshot().getKind())));
    return rows;
  }

  private static String kind(dev.retainerd.eventlog.proto.SnapshotKind kind) {
    return switch (kind) {
      case SNAPSHOT_KIND_VIEW -> "View";
      case SNAPSHOT_KIND_ACTIVE -> "Active";
      case SNAPSHOT_KIND_COMMITTED -> "Committed";
      case SNAPSHOT_KIND_UNKNOWN, UNRECOGNIZED -> "Unknown";
    };
  }

  private Columns shims() {
    Columns rows = new Columns("SHIM", "PID", "STATE", "HOSTS", "EVENT");
    state.forEach(
        Kind.SHIM,
        (key, entry) ->
            rows.row(
                entry.getId(),
                entry.getProcess().getPid(),
                phase(entry.getPhase()),
                entry.getOwnersCount(),
                entry.getProvenance().getChanged()));
    return rows;
  }

  /** Open intents: what a daemon that died here would have had to finish or undo. */
  private Columns underWay() {
    Columns rows = new Columns("WHAT", "NAMESPACE", "PHASE", "SINCE EVENT");
    for (Kind<?> kind : Kind.ALL) {
      state.forEach(
          kind,
          (key, entry) -> {
            var phase = entry.getDescriptorForType().findFieldByName("phase");
            if (phase == null) {
              return;
            }
            String name = entry.getField(phase).toString();
            if (name.endsWith("ING") && !name.endsWith("_RUNNING")) {
              rows.row(
                  kind.title() + " " + Phrases.shortId(key.id()),
                  key.namespace(),
                  name.substring(name.indexOf("_PHASE_") + "_PHASE_".length()),
                  changed(entry));
            }
          });
    }
    state.forEach(
        Kind.OPERATION,
        (key, entry) ->
            rows.row(
                entry.getWhat() + " " + entry.getSubject(),
                key.namespace(),
                "RUNNING",
                entry.getProvenance().getChanged()));
    return rows;
  }

  static long changed(com.google.protobuf.Message entry) {
    var field = entry.getDescriptorForType().findFieldByName("provenance");
    return field == null
        ? 0
        : ((dev.retainerd.store.proto.Provenance) entry.getField(field)).getChanged();
  }
}
