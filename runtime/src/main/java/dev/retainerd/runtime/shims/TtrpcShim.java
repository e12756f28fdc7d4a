package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.shim.protocol.ShimClient;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TaskClient;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.known.Timestamp;
import dev.retainerd.shim.wire.retain.AdoptOutcome;
import dev.retainerd.shim.wire.retain.AdoptRequest;
import dev.retainerd.shim.wire.retain.AttachRequest;
import dev.retainerd.shim.wire.retain.BundleRef;
import dev.retainerd.shim.wire.retain.InfoResponse;
import dev.retainerd.shim.wire.retain.LogSettingsRequest;
import dev.retainerd.shim.wire.retain.LogSettingsResponse;
import dev.retainerd.shim.wire.retain.OfferRequest;
import dev.retainerd.shim.wire.retain.Record;
import dev.retainerd.shim.wire.retain.ReopenLogRequest;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import dev.retainerd.shim.wire.task.CheckpointTaskRequest;
import dev.retainerd.shim.wire.task.CloseIORequest;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.CreateTaskResponse;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.DeleteResponse;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.KillRequest;
import dev.retainerd.shim.wire.task.Mount;
import dev.retainerd.shim.wire.task.PauseRequest;
import dev.retainerd.shim.wire.task.PidsRequest;
import dev.retainerd.shim.wire.task.ProcessInfo;
import dev.retainerd.shim.wire.task.ResizePtyRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.StateResponse;
import dev.retainerd.shim.wire.task.StatsRequest;
import dev.retainerd.shim.wire.task.UpdateTaskRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;

/** A shim over ttrpc on its unix socket. Thread-safe. */
public final class TtrpcShim implements ShimCalls {
  /** Calls that run an OCI runtime: longer than the shim's own deadline for it. */
  private static final Duration RUNTIME_PATIENCE = Duration.ofSeconds(90);

  private static final Duration PATIENCE = Duration.ofSeconds(15);

  /** To take an offer takes a shim a millisecond; on a busy node it waits for its turn. */
  private static final Duration TAKING_PATIENCE = Duration.ofMillis(300);

  private final TtrpcClient connection;
  private final ShimClient own;

  private TtrpcShim(TtrpcClient connection) {
    this.connection = connection;
    this.own = new ShimClient(connection);
  }

  /** Connects; UNAVAILABLE where nobody listens. */
  public static ShimCalls connect(Path socket) {
    try {
      return new TtrpcShim(TtrpcClient.connect(socket, () -> {}));
    } catch (IOException e) {
      throw new Refusal(
          Refusal.Code.UNAVAILABLE, "no shim answers at " + socket + ": " + e.getMessage(), e);
    }
  }

  @FunctionalInterface
  private interface Call<T> {
    T run() throws TtrpcException;
  }

  @FunctionalInterface
  private interface Action {
    void run() throws TtrpcException;
  }

  private static <T> T ask(Call<T> call) {
    try {
      return call.run();
    } catch (TtrpcException e) {
      throw refusal(e);
    }
  }

  /** A call of ours that not every shim has; of one from before it, {@code older} asks the same. */
  private static <T> T askNewer(Call<T> call, Call<T> older) {
    return ask(
        () -> {
          try {
            return call.run();
          } catch (TtrpcException e) {
            if (e.code() != StatusCode.UNIMPLEMENTED) {
              throw e;
            }
            return older.run();
          }
        });
  }

  private static void tell(Action action) {
    try {
      action.run();
    } catch (TtrpcException e) {
      throw refusal(e);
    }
  }

  private static Refusal refusal(TtrpcException e) {
    Refusal.Code code =
        switch (e.code()) {
          case NOT_FOUND -> Refusal.Code.NOT_FOUND;
          case ALREADY_EXISTS -> Refusal.Code.ALREADY_EXISTS;
          case INVALID_ARGUMENT -> Refusal.Code.INVALID_ARGUMENT;
          case FAILED_PRECONDITION -> Refusal.Code.FAILED_PRECONDITION;
          case UNAVAILABLE -> Refusal.Code.UNAVAILABLE;
          case RESOURCE_EXHAUSTED -> Refusal.Code.RESOURCE_EXHAUSTED;
          case UNIMPLEMENTED -> Refusal.Code.UNIMPLEMENTED;
          case DEADLINE_EXCEEDED -> Refusal.Code.DEADLINE_EXCEEDED;
          case CANCELLED, ABORTED -> Refusal.Code.CANCELLED;
          case PERMISSION_DENIED, UNAUTHENTICATED -> Refusal.Code.PERMISSION_DENIED;
          case OUT_OF_RANGE -> Refusal.Code.OUT_OF_RANGE;
          case OK, UNKNOWN, INTERNAL, DATA_LOSS -> Refusal.Code.INTERNAL;
        };
    return new Refusal(code, e.getMessage(), e);
  }

  private TaskClient tasks(String namespace) {
    return new TaskClient(connection, namespace);
  }

  private static Any any(Opaque value) {
    return Any.newBuilder().setTypeUrl(value.getTypeUrl()).setValue(value.getValue()).build();
  }

  @Override
  public Info info(Duration patience) {
    InfoResponse info = ask(() -> own.info(patience));
    return new Info(
        info.getPid(),
        info.getStartTimeTicks(),
        info.getVersion(),
        info.getContainersList().stream().map(c -> c.getNamespace() + "/" + c.getId()).toList());
  }

  @Override
  public int create(TaskRequest request) {
    CreateTaskRequest create = message(request);
    return ask(() -> tasks(request.namespace()).create(create, RUNTIME_PATIENCE)).getPid();
  }

  @Override
  public int run(TaskRequest request) {
    CreateTaskRequest create = message(request);
    return askNewer(
        () -> tasks(request.namespace()).run(create, RUNTIME_PATIENCE).getPid(),
        () -> {
          create(request);
          return start(request.namespace(), request.containerId(), "");
        });
  }

  @Override
  public OptionalInt offer(TaskRequest request, Path offer, BooleanSupplier withdraw) {
    OfferRequest offered =
        OfferRequest.newBuilder()
            .setCreate(message(request).toByteString())
            .setOffer(offer.getFileName().toString())
            .build();
    Optional<Integer> pid =
        askNewer(
            () ->
                tasks(request.namespace())
                    .offer(offered, RUNTIME_PATIENCE, TAKING_PATIENCE, withdraw)
                    .map(CreateTaskResponse::getPid),
            () -> Optional.of(run(request)));
    return pid.isPresent() ? OptionalInt.of(pid.get()) : OptionalInt.empty();
  }

  private static CreateTaskRequest message(TaskRequest request) {
    CreateTaskRequest.Builder create =
        CreateTaskRequest.newBuilder()
            .setId(request.containerId())
            .setBundle(request.bundle().toString())
            .setTerminal(request.stdio().getTerminal())
            .setStdin(request.stdio().getStdin())
            .setStdout(request.stdio().getStdout())
            .setStderr(request.stdio().getStderr())
            .setCheckpoint(request.checkpoint());
    request.options().ifPresent(options -> create.setOptions(any(options)));
    for (RootMount mount : request.rootfs()) {
      create.addRootfs(
          Mount.newBuilder()
              .setType(mount.type())
              .setSource(mount.source())
              .addAllOptions(mount.options()));
    }
    return create.build();
  }

  @Override
  public int start(String namespace, String containerId, String execId) {
    StartRequest start = StartRequest.newBuilder().setId(containerId).setExecId(execId).build();
    return ask(() -> tasks(namespace).start(start, RUNTIME_PATIENCE)).getPid();
  }

  @Override
  public void exec(ExecRequest request) {
    ExecProcessRequest exec = message(request);
    tell(() -> tasks(request.namespace()).exec(exec, PATIENCE));
  }

  @Override
  public int runExec(ExecRequest request) {
    ExecProcessRequest exec = message(request);
    return askNewer(
        () -> tasks(request.namespace()).runExec(exec, RUNTIME_PATIENCE).getPid(),
        () -> {
          exec(request);
          return start(request.namespace(), request.containerId(), request.execId());
        });
  }

  private static ExecProcessRequest message(ExecRequest request) {
    return ExecProcessRequest.newBuilder()
        .setId(request.containerId())
        .setExecId(request.execId())
        .setTerminal(request.stdio().getTerminal())
        .setStdin(request.stdio().getStdin())
        .setStdout(request.stdio().getStdout())
        .setStderr(request.stdio().getStderr())
        .setSpec(any(request.process()))
        .build();
  }

  @Override
  public void kill(String namespace, String containerId, String execId, int signal, boolean all) {
    KillRequest kill =
        KillRequest.newBuilder()
            .setId(containerId)
            .setExecId(execId)
            .setSignal(signal)
            .setAll(all)
            .build();
    tell(() -> tasks(namespace).kill(kill, RUNTIME_PATIENCE));
  }

  @Override
  public ProcessStatus delete(String namespace, String containerId, String execId) {
    DeleteRequest delete = DeleteRequest.newBuilder().setId(containerId).setExecId(execId).build();
    DeleteResponse deleted = ask(() -> tasks(namespace).delete(delete, RUNTIME_PATIENCE));
    return new ProcessStatus(
        ProcessStatus.Phase.STOPPED,
        deleted.getPid(),
        deleted.getExitStatus(),
        nanos(deleted.getExitedAt()));
  }

  @Override
  public ProcessStatus state(String namespace, String containerId, String execId) {
    StateRequest request = StateRequest.newBuilder().setId(containerId).setExecId(execId).build();
    StateResponse state = ask(() -> tasks(namespace).state(request, PATIENCE));
    ProcessStatus.Phase phase =
        switch (state.getStatus()) {
          case CREATED -> ProcessStatus.Phase.CREATED;
          case RUNNING -> ProcessStatus.Phase.RUNNING;
          case STOPPED -> ProcessStatus.Phase.STOPPED;
          case PAUSED -> ProcessStatus.Phase.PAUSED;
          case PAUSING -> ProcessStatus.Phase.PAUSING;
          case UNKNOWN, UNRECOGNIZED -> ProcessStatus.Phase.UNKNOWN;
        };
    return new ProcessStatus(
        phase, state.getPid(), state.getExitStatus(), nanos(state.getExitedAt()));
  }

  @Override
  public void pause(String namespace, String containerId) {
    PauseRequest pause = PauseRequest.newBuilder().setId(containerId).build();
    tell(() -> tasks(namespace).pause(pause, RUNTIME_PATIENCE));
  }

  @Override
  public void resume(String namespace, String containerId) {
    ResumeRequest resume = ResumeRequest.newBuilder().setId(containerId).build();
    tell(() -> tasks(namespace).resume(resume, RUNTIME_PATIENCE));
  }

  @Override
  public void resizePty(
      String namespace, String containerId, String execId, int width, int height) {
    ResizePtyRequest resize =
        ResizePtyRequest.newBuilder()
            .setId(containerId)
            .setExecId(execId)
            .setWidth(width)
            .setHeight(height)
            .build();
    tell(() -> tasks(namespace).resizePty(resize, PATIENCE));
  }

  @Override
  public void closeStdin(String namespace, String containerId, String execId) {
    CloseIORequest close =
        CloseIORequest.newBuilder().setId(containerId).setExecId(execId).setStdin(true).build();
    tell(() -> tasks(namespace).closeIo(close, PATIENCE));
  }

  @Override
  public List<Integer> pids(String namespace, String containerId) {
    PidsRequest request = PidsRequest.newBuilder().setId(containerId).build();
    return ask(() -> tasks(namespace).pids(request, PATIENCE)).getProcessesList().stream()
        .map(ProcessInfo::getPid)
        .toList();
  }

  @Override
  public Opaque stats(String namespace, String containerId) {
    StatsRequest request = StatsRequest.newBuilder().setId(containerId).build();
    Any stats = ask(() -> tasks(namespace).stats(request, PATIENCE)).getStats();
    return Opaque.newBuilder().setTypeUrl(stats.getTypeUrl()).setValue(stats.getValue()).build();
  }

  @Override
  public void update(String namespace, String containerId, Opaque resources) {
    UpdateTaskRequest update =
        UpdateTaskRequest.newBuilder().setId(containerId).setResources(any(resources)).build();
    tell(() -> tasks(namespace).update(update, RUNTIME_PATIENCE));
  }

  @Override
  public List<ShimRecord> records(long since, Duration patience) {
    List<ShimRecord> found = new ArrayList<>();
    for (Record record : ask(() -> own.records(since, patience)).getRecordsList()) {
      found.add(
          new ShimRecord(
              record.getNumber(),
              kind(record),
              record.getNamespace(),
              record.getContainerId(),
              record.getExecId(),
              record.getPid(),
              record.getExitStatus(),
              record.getAtNanos(),
              source(record),
              kind(record) == ShimRecord.Kind.OOM ? record.getCgroup() : record.getReason(),
              record.getOomKilled()));
    }
    return found;
  }

  private static ShimRecord.Kind kind(Record record) {
    return switch (record.getKind()) {
      case EXIT -> ShimRecord.Kind.EXIT;
      case OOM -> ShimRecord.Kind.OOM;
      case RECORD_KIND_UNSPECIFIED, UNRECOGNIZED ->
          throw Refusal.internal(
              "a shim sent a record of an unknown kind; upgrade the daemon to at least its"
                  + " version");
    };
  }

  private static ExitSource source(Record record) {
    return switch (record.getSource()) {
      case SHIM -> ExitSource.EXIT_SOURCE_SHIM;
      case RECORD -> ExitSource.EXIT_SOURCE_RECORD;
      case PIN -> ExitSource.EXIT_SOURCE_PIN;
      case UNKNOWN_SOURCE -> ExitSource.EXIT_SOURCE_UNKNOWN;
      case EXIT_SOURCE_UNSPECIFIED, UNRECOGNIZED -> ExitSource.EXIT_SOURCE_UNSPECIFIED;
    };
  }

  @Override
  public List<String> adopt(List<Adoptee> adoptees, Path holderSocket) {
    AdoptRequest.Builder adopt = AdoptRequest.newBuilder().setHolderSocket(holderSocket.toString());
    for (Adoptee adoptee : adoptees) {
      adopt.addContainers(
          BundleRef.newBuilder()
              .setNamespace(adoptee.namespace())
              .setId(adoptee.containerId())
              .setBundle(adoptee.bundle().toString()));
    }
    List<String> losses = new ArrayList<>();
    for (AdoptOutcome outcome :
        ask(() -> own.adopt(adopt.build(), RUNTIME_PATIENCE)).getOutcomesList()) {
      if (!outcome.getAdopted() || !outcome.getMessage().isEmpty()) {
        losses.add(outcome.getNamespace() + "/" + outcome.getId() + ": " + outcome.getMessage());
      }
    }
    return losses;
  }

  @Override
  public void reopenLog(String namespace, String containerId) {
    ReopenLogRequest reopen =
        ReopenLogRequest.newBuilder().setNamespace(namespace).setId(containerId).build();
    tell(() -> own.reopenLog(reopen, PATIENCE));
  }

  @Override
  public Map<LogSetting, Long> setLog(
      String namespace, String containerId, Map<LogSetting, Long> changes) {
    LogSettingsRequest.Builder request =
        LogSettingsRequest.newBuilder().setNamespace(namespace).setId(containerId);
    changes.forEach(
        (setting, value) -> {
          switch (setting) {
            case MAX_LINE_BYTES -> request.setMaxLineBytes(value);
            case BYTES_PER_SECOND -> request.setBytesPerSecond(value);
            case MAX_FILE_BYTES -> request.setMaxFileBytes(value);
            case MAX_FILES -> request.setMaxFiles(value);
          }
        });
    LogSettingsResponse now = ask(() -> own.logSettings(request.build(), PATIENCE));
    return Map.of(
        LogSetting.MAX_LINE_BYTES,
        now.getMaxLineBytes(),
        LogSetting.BYTES_PER_SECOND,
        now.getBytesPerSecond(),
        LogSetting.MAX_FILE_BYTES,
        now.getMaxFileBytes(),
        LogSetting.MAX_FILES,
        now.getMaxFiles());
  }

  @Override
  public void checkpoint(
      String namespace, String containerId, Path images, Opaque options, Duration patience) {
    CheckpointTaskRequest checkpoint =
        CheckpointTaskRequest.newBuilder()
            .setId(containerId)
            .setPath(images.toString())
            .setOptions(any(options))
            .build();
    tell(() -> tasks(namespace).checkpoint(checkpoint, patience));
  }

  @Override
  public void attach(String namespace, String containerId, String stdout, String stderr) {
    AttachRequest attach =
        AttachRequest.newBuilder()
            .setNamespace(namespace)
            .setId(containerId)
            .setStdout(stdout)
            .setStderr(stderr)
            .build();
    tell(() -> own.attach(attach, PATIENCE));
  }

  @Override
  public void sendDescriptors(Path holderSocket) {
    SendDescriptorsRequest send =
        SendDescriptorsRequest.newBuilder().setHolderSocket(holderSocket.toString()).build();
    tell(() -> own.sendDescriptors(send, PATIENCE));
  }

  @Override
  public void shutdown() {
    if (!ask(() -> own.shutdownIfEmpty(PATIENCE))) {
      throw Refusal.failedPrecondition("the shim holds containers and goes on");
    }
  }

  private static long nanos(Timestamp at) {
    return at.getSeconds() * 1_000_000_000L + at.getNanos();
  }

  @Override
  public void close() {
    connection.close();
  }
}
