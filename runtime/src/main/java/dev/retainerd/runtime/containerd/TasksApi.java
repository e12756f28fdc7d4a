package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.checkpoint.TaskCheckpoints;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.RestoreFrom;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import dev.retainerd.wire.containerd.runc.v1.Options;
import dev.retainerd.wire.containerd.runc.v1.ProcessDetails;
import dev.retainerd.wire.containerd.services.tasks.v1.CheckpointTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CheckpointTaskResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.CloseIORequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.CreateTaskResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ExecProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.GetResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListPidsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListPidsResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.ListTasksRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListTasksResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.MetricsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.MetricsResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.PauseTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResizePtyRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResumeTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.StartResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.UpdateTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitResponse;
import dev.retainerd.wire.containerd.types.Metric;
import dev.retainerd.wire.containerd.v1.types.ProcessInfo;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Tasks and execs. An empty exec id always means the task's first process. */
public final class TasksApi extends TasksGrpc.TasksImplBase {
  private final TaskService tasks;
  private final ExecService execs;
  private final TaskCheckpoints checkpoints;
  private final StateView state;

  /**
   * @param state what the services have recorded
   */
  public TasksApi(
      TaskService tasks, ExecService execs, TaskCheckpoints checkpoints, StateView state) {
    this.tasks = tasks;
    this.execs = execs;
    this.checkpoints = checkpoints;
    this.state = state;
  }

  @Override
  public void create(CreateTaskRequest request, StreamObserver<CreateTaskResponse> response) {
    if (!request.getRuntimePath().isEmpty()) {
      throw Refusal.unimplemented(
          "a runtime path for task %s is not implemented: set the binary in the runtime's options"
              .formatted(request.getContainerId()));
    }
    List<RootMount> rootfs =
        request.getRootfsList().stream()
            .map(m -> new RootMount(m.getType(), m.getSource(), m.getOptionsList()))
            .toList();
    StdioPaths stdio =
        StdioPaths.newBuilder()
            .setStdin(request.getStdin())
            .setStdout(request.getStdout())
            .setStderr(request.getStderr())
            .setTerminal(request.getTerminal())
            .build();
    Optional<Opaque> options =
        request.hasOptions() && !request.getOptions().getTypeUrl().isEmpty()
            ? Optional.of(Translation.opaque(request.getOptions()))
            : Optional.empty();
    Calls.answer(
        response,
        () -> {
          int pid =
              tasks.create(
                  JournalRecords.origin(),
                  CallContext.namespace(),
                  request.getContainerId(),
                  new TaskService.CreateOptions(rootfs, stdio, options, restoring(request)));
          return CreateTaskResponse.newBuilder()
              .setContainerId(request.getContainerId())
              .setPid(pid)
              .build();
        });
  }

  /** A folder named in the options goes before a checkpoint in content, as with containerd. */
  private RestoreFrom restoring(CreateTaskRequest request) {
    String folder =
        Translation.unpacked(request.getOptions(), Options.getDefaultInstance())
            .map(Options::getCriuImagePath)
            .orElse("");
    if (!folder.isEmpty()) {
      return TaskCheckpoints.restoring(request.getContainerId(), folder);
    }
    return request.getCheckpoint().getDigest().isEmpty()
        ? RestoreFrom.NOTHING
        : checkpoints.restoring(
            CallContext.namespace(), ImageTranslation.descriptor(request.getCheckpoint()));
  }

  @Override
  public void checkpoint(
      CheckpointTaskRequest request, StreamObserver<CheckpointTaskResponse> response) {
    Calls.answer(
        response,
        () -> {
          var scope =
              new Scope(
                  JournalRecords.origin(),
                  CallContext.namespace(),
                  CallContext.leaseIfAny().orElse(""));
          var made =
              checkpoints.make(scope, request.getContainerId(), options(request.getOptions()));
          return CheckpointTaskResponse.newBuilder()
              .addAllDescriptors(made.stream().map(ImageTranslation::wire).toList())
              .build();
        });
  }

  private static CheckpointOptions options(Any options) {
    if (options.getTypeUrl().isEmpty()) {
      return CheckpointOptions.getDefaultInstance();
    }
    return Translation.unpacked(options, CheckpointOptions.getDefaultInstance())
        .orElseThrow(
            () ->
                Refusal.invalidArgument(
                    "invalid task checkpoint option: %s, where containerd.runc.v1.CheckpointOptions"
                            .formatted(options.getTypeUrl())
                        + " is understood"));
  }

  @Override
  public void start(StartRequest request, StreamObserver<StartResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          var origin = JournalRecords.origin();
          int pid =
              request.getExecId().isEmpty()
                  ? tasks.start(origin, namespace, request.getContainerId())
                  : execs.start(origin, namespace, request.getContainerId(), request.getExecId());
          return StartResponse.newBuilder().setPid(pid).build();
        });
  }

  @Override
  public void delete(DeleteTaskRequest request, StreamObserver<DeleteResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          int pid = tasks.get(namespace, request.getContainerId()).getInit().getPid();
          Exit exit = tasks.delete(JournalRecords.origin(), namespace, request.getContainerId());
          return deleted(request.getContainerId(), pid, exit);
        });
  }

  @Override
  public void deleteProcess(DeleteProcessRequest request, StreamObserver<DeleteResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          ExecEntry exec = execs.get(namespace, request.getContainerId(), request.getExecId());
          Exit exit =
              execs.delete(
                  JournalRecords.origin(),
                  namespace,
                  request.getContainerId(),
                  request.getExecId());
          return deleted(request.getExecId(), exec.getProcess().getPid(), exit);
        });
  }

  private static DeleteResponse deleted(String id, int pid, Exit exit) {
    return DeleteResponse.newBuilder()
        .setId(id)
        .setPid(pid)
        .setExitStatus(exit.getStatus())
        .setExitedAt(Translation.timestamp(exit.getExitedAtNanos()))
        .build();
  }

  @Override
  public void get(GetRequest request, StreamObserver<GetResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          TaskEntry task = tasks.get(namespace, request.getContainerId());
          return GetResponse.newBuilder()
              .setProcess(
                  request.getExecId().isEmpty()
                      ? TaskTranslation.process(task)
                      : TaskTranslation.process(
                          execs.get(namespace, request.getContainerId(), request.getExecId())))
              .build();
        });
  }

  @Override
  public void list(ListTasksRequest request, StreamObserver<ListTasksResponse> response) {
    Calls.answer(
        response,
        () -> {
          var reply = ListTasksResponse.newBuilder();
          for (TaskEntry task : present(CallContext.namespace())) {
            reply.addTasks(TaskTranslation.process(task));
          }
          return reply.build();
        });
  }

  /** A task under creation is not there yet for anybody else. */
  private List<TaskEntry> present(String namespace) {
    List<TaskEntry> found = new ArrayList<>();
    state.forEach(
        Kind.TASK,
        namespace,
        "",
        (id, task) -> {
          if (task.getPhase() != TaskPhase.TASK_PHASE_CREATING) {
            found.add(task);
          }
        });
    return found;
  }

  @Override
  public void kill(KillRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          tasks.kill(
              JournalRecords.origin(),
              CallContext.namespace(),
              request.getContainerId(),
              request.getExecId(),
              request.getSignal(),
              request.getAll());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void exec(ExecProcessRequest request, StreamObserver<Empty> response) {
    Identifiers.check("exec", request.getExecId());
    StdioPaths stdio =
        StdioPaths.newBuilder()
            .setStdin(request.getStdin())
            .setStdout(request.getStdout())
            .setStderr(request.getStderr())
            .setTerminal(request.getTerminal())
            .build();
    Calls.answer(
        response,
        () -> {
          execs.add(
              JournalRecords.origin(),
              CallContext.namespace(),
              request.getContainerId(),
              request.getExecId(),
              stdio,
              Translation.opaque(request.getSpec()));
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void resizePty(ResizePtyRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          tasks.resizePty(
              CallContext.namespace(),
              request.getContainerId(),
              request.getExecId(),
              request.getWidth(),
              request.getHeight());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void closeIO(CloseIORequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          if (request.getStdin()) {
            tasks.closeStdin(
                CallContext.namespace(), request.getContainerId(), request.getExecId());
          }
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void pause(PauseTaskRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          tasks.pause(JournalRecords.origin(), CallContext.namespace(), request.getContainerId());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void resume(ResumeTaskRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          tasks.resume(JournalRecords.origin(), CallContext.namespace(), request.getContainerId());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void listPids(ListPidsRequest request, StreamObserver<ListPidsResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          Map<Integer, String> execsByPid = new HashMap<>();
          state.forEach(
              Kind.EXEC,
              namespace,
              request.getContainerId() + "/",
              (id, exec) -> execsByPid.put(exec.getProcess().getPid(), exec.getExecId()));
          var reply = ListPidsResponse.newBuilder();
          for (int pid : tasks.pids(namespace, request.getContainerId())) {
            var info = ProcessInfo.newBuilder().setPid(pid);
            String exec = execsByPid.get(pid);
            if (exec != null) {
              info.setInfo(Translation.packed(ProcessDetails.newBuilder().setExecId(exec).build()));
            }
            reply.addProcesses(info);
          }
          return reply.build();
        });
  }

  @Override
  public void update(UpdateTaskRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          tasks.update(
              CallContext.namespace(),
              request.getContainerId(),
              Translation.opaque(request.getResources()));
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void metrics(MetricsRequest request, StreamObserver<MetricsResponse> response) {
    String namespace = CallContext.namespace();
    Filter filter = Filter.any(request.getFiltersList());
    Calls.answer(
        response,
        () -> {
          var reply = MetricsResponse.newBuilder();
          for (TaskEntry task : present(namespace)) {
            if (filter.matches(TaskTranslation.fields(namespace, task))) {
              metric(namespace, task).ifPresent(reply::addMetrics);
            }
          }
          return reply.build();
        });
  }

  /** Empty where the task ended meanwhile: its cgroup is gone, and the others still count. */
  private Optional<Metric> metric(String namespace, TaskEntry task) {
    try {
      Opaque stats = tasks.stats(namespace, task.getContainerId());
      return Optional.of(
          Metric.newBuilder()
              .setTimestamp(Translation.timestamp(Translation.nowNanos()))
              .setId(task.getContainerId())
              .setData(Translation.any(stats))
              .build());
    } catch (Refusal refusal) {
      if (refusal.is(Refusal.Code.NOT_FOUND) || task.getPhase() == TaskPhase.TASK_PHASE_STOPPED) {
        return Optional.empty();
      }
      throw refusal;
    }
  }

  @Override
  public void wait(WaitRequest request, StreamObserver<WaitResponse> response) {
    CompletableFuture<Exit> exit =
        tasks.exitOf(CallContext.namespace(), request.getContainerId(), request.getExecId());
    var observer = (ServerCallStreamObserver<WaitResponse>) response;
    // Nobody's thread waits: a node has as many of these calls as containers.
    observer.setOnCancelHandler(() -> exit.cancel(false));
    exit.whenComplete(
        (ended, failure) -> {
          if (observer.isCancelled()) {
            return;
          }
          if (failure != null) {
            observer.onError(failure);
            return;
          }
          observer.onNext(
              WaitResponse.newBuilder()
                  .setExitStatus(ended.getStatus())
                  .setExitedAt(Translation.timestamp(ended.getExitedAtNanos()))
                  .build());
          observer.onCompleted();
        });
  }
}
