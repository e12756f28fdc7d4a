package dev.retainerd.runtime.containerd;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.ExecRequest;
import dev.retainerd.runtime.shims.ProcessStatus;
import dev.retainerd.runtime.shims.ShimCalls;
import dev.retainerd.runtime.shims.ShimRecord;
import dev.retainerd.runtime.shims.TaskRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/** A shim whose processes are only numbers: they run until a signal ends them. */
final class PretendShim implements ShimCalls {
  static final long START_TICKS = startTicks();

  final List<String> calls = new ArrayList<>();

  /** What the next checkpoints fail with; "" for nothing. */
  volatile String checkpointFault = "";

  private final Map<String, Integer> pids = new ConcurrentHashMap<>();
  private final BlockingQueue<ShimRecord> records = new LinkedBlockingQueue<>();
  // Far above what a kernel gives out, so that nothing real is ever meant.
  private final AtomicInteger lastPid = new AtomicInteger(1 << 24);
  private long lastRecord;

  private static long startTicks() {
    try {
      return dev.retainerd.runtime.linux.ProcessIdentity.of((int) ProcessHandle.current().pid())
          .orElseThrow()
          .startTimeTicks();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private synchronized void note(String call) {
    calls.add(call);
  }

  private static String name(String namespace, String containerId, String execId) {
    return namespace + "/" + containerId + (execId.isEmpty() ? "" : "/" + execId);
  }

  @Override
  public Info info(Duration patience) {
    return new Info((int) ProcessHandle.current().pid(), START_TICKS, "pretended", List.of());
  }

  @Override
  public int create(TaskRequest request) {
    note("create " + request.containerId() + " on " + request.rootfs().size() + " mounts");
    if (!request.checkpoint().isEmpty()) {
      return restore(Path.of(request.checkpoint()));
    }
    int pid = lastPid.incrementAndGet();
    pids.put(name(request.namespace(), request.containerId(), ""), pid);
    return pid;
  }

  private int restore(Path images) {
    try {
      note("restore " + java.nio.file.Files.readString(images.resolve("pages-1.img")));
      return 0;
    } catch (java.io.IOException e) {
      throw Refusal.invalidArgument("no images in " + images);
    }
  }

  @Override
  public int run(TaskRequest request) {
    return create(request);
  }

  @Override
  public int runExec(ExecRequest request) {
    exec(request);
    return start(request.namespace(), request.containerId(), request.execId());
  }

  @Override
  public int start(String namespace, String containerId, String execId) {
    return pids.computeIfAbsent(
        name(namespace, containerId, execId), none -> lastPid.incrementAndGet());
  }

  @Override
  public OptionalInt offer(TaskRequest request, Path offer, BooleanSupplier withdraw) {
    return OptionalInt.of(run(request));
  }

  @Override
  public void exec(ExecRequest request) {
    note("exec " + request.execId() + " " + request.process().getTypeUrl());
    pids.put(
        name(request.namespace(), request.containerId(), request.execId()),
        lastPid.incrementAndGet());
  }

  @Override
  public synchronized void kill(
      String namespace, String containerId, String execId, int signal, boolean all) {
    Integer pid = pids.get(name(namespace, containerId, execId));
    if (pid == null) {
      throw Refusal.notFound("process already finished: not found");
    }
    records.add(
        new ShimRecord(
            ++lastRecord,
            ShimRecord.Kind.EXIT,
            namespace,
            containerId,
            execId,
            pid,
            128 + signal,
            1_700_000_000_000_000_000L,
            ExitSource.EXIT_SOURCE_SHIM,
            "",
            false));
  }

  @Override
  public ProcessStatus delete(String namespace, String containerId, String execId) {
    Integer pid = pids.remove(name(namespace, containerId, execId));
    return new ProcessStatus(ProcessStatus.Phase.STOPPED, pid == null ? 0 : pid, 0, 0);
  }

  @Override
  public ProcessStatus state(String namespace, String containerId, String execId) {
    int pid = pids.getOrDefault(name(namespace, containerId, execId), 0);
    return new ProcessStatus(ProcessStatus.Phase.RUNNING, pid, 0, 0);
  }

  @Override
  public void pause(String namespace, String containerId) {
    note("pause " + containerId);
  }

  @Override
  public void resume(String namespace, String containerId) {
    note("resume " + containerId);
  }

  @Override
  public void resizePty(
      String namespace, String containerId, String execId, int width, int height) {
    note("resize " + name(namespace, containerId, execId) + " " + width + "x" + height);
  }

  @Override
  public void closeStdin(String namespace, String containerId, String execId) {
    note("close stdin " + name(namespace, containerId, execId));
  }

  @Override
  public List<Integer> pids(String namespace, String containerId) {
    String prefix = name(namespace, containerId, "");
    return pids.entrySet().stream()
        .filter(e -> e.getKey().equals(prefix) || e.getKey().startsWith(prefix + "/"))
        .map(Map.Entry::getValue)
        .sorted()
        .toList();
  }

  @Override
  public Opaque stats(String namespace, String containerId) {
    return Opaque.newBuilder()
        .setTypeUrl("io.containerd.cgroups.v1.Metrics")
        .setValue(ByteString.EMPTY)
        .build();
  }

  @Override
  public void update(String namespace, String containerId, Opaque resources) {
    note("update " + containerId + " " + resources.getTypeUrl());
  }

  @Override
  public List<ShimRecord> records(long since, Duration patience) {
    try {
      ShimRecord record = records.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
      return record == null ? List.of() : List.of(record);
    } catch (InterruptedException e) {
      throw Refusal.unavailable("the shim is gone");
    }
  }

  @Override
  public List<String> adopt(List<Adoptee> adoptees, Path holderSocket) {
    return List.of();
  }

  @Override
  public void reopenLog(String namespace, String containerId) {}

  @Override
  public java.util.Map<dev.retainerd.runtime.shims.LogSetting, Long> setLog(
      String namespace,
      String containerId,
      java.util.Map<dev.retainerd.runtime.shims.LogSetting, Long> changes) {
    return changes;
  }

  @Override
  public void checkpoint(
      String namespace, String containerId, Path images, Opaque options, Duration patience) {
    try {
      var known =
          dev.retainerd.wire.containerd.runc.v1.CheckpointOptions.parseFrom(options.getValue());
      note("checkpoint " + containerId + (known.getOpenTcp() ? " with tcp" : ""));
      java.nio.file.Files.writeString(
          Path.of(known.getWorkPath(), "dump.log"),
          "(00.1) Error (criu/pages.c:12): no such page\n(00.1) Error (criu/cr.c:9): Dumping FAILED.\n");
      if (!checkpointFault.isEmpty()) {
        throw Refusal.internal(checkpointFault, null);
      }
      java.nio.file.Files.writeString(images.resolve("pages-1.img"), "memory of " + containerId);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Override
  public void attach(String namespace, String containerId, String stdout, String stderr) {}

  @Override
  public void sendDescriptors(Path holderSocket) {}

  @Override
  public void shutdown() {}

  @Override
  public void close() {}
}
