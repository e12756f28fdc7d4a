package dev.retainerd.shim.service;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.Stats;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.retain.OfferRequest;
import dev.retainerd.shim.wire.runc.CheckpointOptions;
import dev.retainerd.shim.wire.runc.Options;
import dev.retainerd.shim.wire.runc.ProcessDetails;
import dev.retainerd.shim.wire.task.CheckpointTaskRequest;
import dev.retainerd.shim.wire.task.CloseIORequest;
import dev.retainerd.shim.wire.task.ConnectRequest;
import dev.retainerd.shim.wire.task.ConnectResponse;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.CreateTaskResponse;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.DeleteResponse;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.KillRequest;
import dev.retainerd.shim.wire.task.PauseRequest;
import dev.retainerd.shim.wire.task.PidsRequest;
import dev.retainerd.shim.wire.task.PidsResponse;
import dev.retainerd.shim.wire.task.ProcessInfo;
import dev.retainerd.shim.wire.task.ResizePtyRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import dev.retainerd.shim.wire.task.ShutdownRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StartResponse;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.StatsRequest;
import dev.retainerd.shim.wire.task.StatsResponse;
import dev.retainerd.shim.wire.task.UpdateTaskRequest;
import dev.retainerd.shim.wire.task.WaitRequest;
import dev.retainerd.shim.wire.task.WaitResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** containerd's task service, v2 and v3. Thread-safe. */
final class TaskCalls {
  private static final String RUNC_OPTIONS = "containerd.runc.v1.Options";

  private final Containers containers;
  private final String version;
  private final Runnable exit;

  TaskCalls(Containers containers, String version, Runnable exit) {
    this.containers = containers;
    this.version = version;
    this.exit = exit;
  }

  /** The answer, or null when it comes later. */
  MessageLite serve(TtrpcCall call, String namespace)
      throws TtrpcException, InvalidProtocolBufferException {
    byte[] bytes = call.payload();
    return switch (call.method()) {
      case "State" -> {
        StateRequest request = StateRequest.parseFrom(bytes);
        yield containers.state(namespace, request.getId(), request.getExecId());
      }
      case "Create" -> create(namespace, CreateTaskRequest.parseFrom(bytes), false);
      case "Start" -> {
        StartRequest request = StartRequest.parseFrom(bytes);
        int pid = containers.start(namespace, request.getId(), request.getExecId());
        yield StartResponse.newBuilder().setPid(pid).build();
      }
      case "Delete" -> delete(namespace, DeleteRequest.parseFrom(bytes));
      case "Pids" -> pids(namespace, PidsRequest.parseFrom(bytes));
      case "Wait" -> await(call, namespace, WaitRequest.parseFrom(bytes));
      case "Stats" -> stats(namespace, StatsRequest.parseFrom(bytes));
      case "Connect" -> connect(namespace, ConnectRequest.parseFrom(bytes));
      default -> {
        act(call.method(), bytes, namespace);
        yield Empty.getDefaultInstance();
      }
    };
  }

  /** The calls that answer nothing. */
  private void act(String method, byte[] bytes, String namespace)
      throws TtrpcException, InvalidProtocolBufferException {
    switch (method) {
      case "Pause" -> containers.pause(namespace, PauseRequest.parseFrom(bytes).getId());
      case "Resume" -> containers.resume(namespace, ResumeRequest.parseFrom(bytes).getId());
      case "Kill" -> {
        KillRequest request = KillRequest.parseFrom(bytes);
        containers.kill(
            namespace, request.getId(), request.getExecId(), request.getSignal(), request.getAll());
      }
      case "Exec" -> containers.exec(namespace, ExecProcessRequest.parseFrom(bytes));
      case "ResizePty" -> {
        ResizePtyRequest request = ResizePtyRequest.parseFrom(bytes);
        containers.resize(
            namespace,
            request.getId(),
            request.getExecId(),
            request.getWidth(),
            request.getHeight());
      }
      case "CloseIO" -> {
        CloseIORequest request = CloseIORequest.parseFrom(bytes);
        if (request.getStdin()) {
          containers.closeStdin(namespace, request.getId(), request.getExecId());
        }
      }
      case "Update" -> {
        UpdateTaskRequest request = UpdateTaskRequest.parseFrom(bytes);
        byte[] resources = request.getResources().getValue().toByteArray();
        containers.update(namespace, request.getId(), resources);
      }
      case "Checkpoint" -> checkpoint(namespace, CheckpointTaskRequest.parseFrom(bytes));
      case "Shutdown" -> shutdown(ShutdownRequest.parseFrom(bytes));
      default ->
          throw new TtrpcException(
              StatusCode.UNIMPLEMENTED, "method " + method + " of the task service is not served");
    }
  }

  /** Create and Start of a container's first process, with nothing left where either fails. */
  MessageLite run(String namespace, byte[] request)
      throws TtrpcException, InvalidProtocolBufferException {
    return create(namespace, CreateTaskRequest.parseFrom(request), true);
  }

  /**
   * Removes an offer, so that it is ours.
   *
   * @throws TtrpcException FAILED_PRECONDITION where the caller has taken it back
   */
  void take(OfferRequest request) throws TtrpcException, InvalidProtocolBufferException {
    CreateTaskRequest create = CreateTaskRequest.parseFrom(request.getCreate());
    Path offer = Path.of(create.getBundle(), Path.of(request.getOffer()).getFileName().toString());
    try {
      if (!Files.deleteIfExists(offer)) {
        throw new TtrpcException(
            StatusCode.FAILED_PRECONDITION,
            "container " + create.getId() + " was taken back before it was made here");
      }
    } catch (IOException e) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION, "the offer " + offer + " cannot be taken: " + e, e);
    }
  }

  /** Exec and its Start. */
  MessageLite runExec(String namespace, byte[] request)
      throws TtrpcException, InvalidProtocolBufferException {
    int pid = containers.runExec(namespace, ExecProcessRequest.parseFrom(request));
    return StartResponse.newBuilder().setPid(pid).build();
  }

  private MessageLite create(String namespace, CreateTaskRequest request, boolean starts)
      throws TtrpcException, InvalidProtocolBufferException {
    Options options = Options.getDefaultInstance();
    if (request.getOptions().getTypeUrl().endsWith(RUNC_OPTIONS)) {
      options = Options.parseFrom(request.getOptions().getValue());
    }
    return CreateTaskResponse.newBuilder()
        .setPid(containers.create(namespace, request, options, starts))
        .build();
  }

  private MessageLite delete(String namespace, DeleteRequest request) throws TtrpcException {
    ExitRecord end = containers.delete(namespace, request.getId(), request.getExecId());
    return DeleteResponse.newBuilder()
        .setPid(end.getPid())
        .setExitStatus(end.getExitStatus())
        .setExitedAt(Containers.time(end.getAtNanos()))
        .build();
  }

  private MessageLite await(TtrpcCall call, String namespace, WaitRequest request)
      throws TtrpcException {
    containers
        .await(namespace, request.getId(), request.getExecId())
        .thenAccept(
            end ->
                call.answer(
                    WaitResponse.newBuilder()
                        .setExitStatus(end.getExitStatus())
                        .setExitedAt(Containers.time(end.getAtNanos()))
                        .build()));
    return null;
  }

  private MessageLite pids(String namespace, PidsRequest request) throws TtrpcException {
    PidsResponse.Builder response = PidsResponse.newBuilder();
    for (Containers.Member member : containers.members(namespace, request.getId())) {
      ProcessInfo.Builder info = ProcessInfo.newBuilder().setPid(member.pid());
      if (!member.execId().isEmpty()) {
        info.setInfo(
            Any.newBuilder()
                .setTypeUrl("containerd.runc.v1.ProcessDetails")
                .setValue(
                    ProcessDetails.newBuilder().setExecId(member.execId()).build().toByteString()));
      }
      response.addProcesses(info);
    }
    return response.build();
  }

  private MessageLite stats(String namespace, StatsRequest request) throws TtrpcException {
    Stats stats = containers.stats(namespace, request.getId());
    return StatsResponse.newBuilder()
        .setStats(
            Any.newBuilder().setTypeUrl(stats.type()).setValue(stats.message().toByteString()))
        .build();
  }

  private MessageLite connect(String namespace, ConnectRequest request) throws TtrpcException {
    return ConnectResponse.newBuilder()
        .setShimPid(Containers.selfPid())
        .setTaskPid(containers.firstPid(namespace, request.getId()))
        .setVersion(version)
        .build();
  }

  private void checkpoint(String namespace, CheckpointTaskRequest request)
      throws TtrpcException, InvalidProtocolBufferException {
    CheckpointOptions options = CheckpointOptions.parseFrom(request.getOptions().getValue());
    String path = request.getPath().isEmpty() ? options.getImagePath() : request.getPath();
    List<String> arguments = new ArrayList<>(List.of("checkpoint", "--image-path", path));
    if (!options.getWorkPath().isEmpty()) {
      arguments.addAll(List.of("--work-path", options.getWorkPath()));
    }
    if (!options.getExit()) {
      arguments.add("--leave-running");
    }
    if (options.getOpenTcp()) {
      arguments.add("--tcp-established");
    }
    if (options.getExternalUnixSockets()) {
      arguments.add("--ext-unix-sk");
    }
    if (options.getTerminal()) {
      arguments.add("--shell-job");
    }
    if (options.getFileLocks()) {
      arguments.add("--file-locks");
    }
    if (!options.getCgroupsMode().isEmpty()) {
      arguments.addAll(List.of("--manage-cgroups-mode", options.getCgroupsMode()));
    }
    if (!options.getParentPath().isEmpty()) {
      arguments.addAll(List.of("--parent-path", options.getParentPath()));
    }
    for (String empty : options.getEmptyNamespacesList()) {
      arguments.addAll(List.of("--empty-ns", empty));
    }
    containers.checkpoint(namespace, request.getId(), arguments, path);
  }

  private void shutdown(ShutdownRequest request) {
    // As containerd's shim does: while other containers live here, Shutdown of one means nothing.
    if (containers.isEmpty() || request.getNow()) {
      exit.run();
    }
  }
}
