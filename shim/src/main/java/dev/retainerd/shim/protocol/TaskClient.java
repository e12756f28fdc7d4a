package dev.retainerd.shim.protocol;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.retain.OfferRequest;
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
import dev.retainerd.shim.wire.task.ResizePtyRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import dev.retainerd.shim.wire.task.ShutdownRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StartResponse;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.StateResponse;
import dev.retainerd.shim.wire.task.StatsRequest;
import dev.retainerd.shim.wire.task.StatsResponse;
import dev.retainerd.shim.wire.task.UpdateTaskRequest;
import dev.retainerd.shim.wire.task.WaitRequest;
import dev.retainerd.shim.wire.task.WaitResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/**
 * containerd's task service of one shim, for the containers of one containerd namespace. The
 * meaning of each call is containerd's (api/runtime/task/v3). Thread-safe.
 */
public final class TaskClient {
  private final TtrpcClient connection;
  private final Map<String, String> metadata;

  public TaskClient(TtrpcClient connection, String namespace) {
    this.connection = connection;
    this.metadata = Map.of(ServiceNames.NAMESPACE_KEY, namespace);
  }

  public StateResponse state(StateRequest request, Duration timeout) throws TtrpcException {
    return call("State", request, StateResponse.parser(), timeout);
  }

  public CreateTaskResponse create(CreateTaskRequest request, Duration timeout)
      throws TtrpcException {
    return call("Create", request, CreateTaskResponse.parser(), timeout);
  }

  public StartResponse start(StartRequest request, Duration timeout) throws TtrpcException {
    return call("Start", request, StartResponse.parser(), timeout);
  }

  /** Create and Start in one; our own. UNIMPLEMENTED where the shim is older than the call. */
  public CreateTaskResponse run(CreateTaskRequest request, Duration timeout) throws TtrpcException {
    return connection.call(
        ServiceNames.SHIM, "Run", request, metadata, CreateTaskResponse.parser(), timeout);
  }

  /**
   * Create and Start in one; our own. Where the shim has not answered after {@code patience},
   * {@code withdrawn} is asked once whether it will do nothing any more; the answer is empty then.
   * UNIMPLEMENTED where the shim is older than the call.
   */
  public Optional<CreateTaskResponse> offer(
      OfferRequest request, Duration timeout, Duration patience, BooleanSupplier withdrawn)
      throws TtrpcException {
    return connection.callUnless(
        new TtrpcClient.Call<>(
            ServiceNames.SHIM, "Offer", request, metadata, CreateTaskResponse.parser(), timeout),
        patience,
        withdrawn);
  }

  /** Exec and its Start in one; our own. UNIMPLEMENTED where the shim is older than the call. */
  public StartResponse runExec(ExecProcessRequest request, Duration timeout) throws TtrpcException {
    return connection.call(
        ServiceNames.SHIM, "RunExec", request, metadata, StartResponse.parser(), timeout);
  }

  public DeleteResponse delete(DeleteRequest request, Duration timeout) throws TtrpcException {
    return call("Delete", request, DeleteResponse.parser(), timeout);
  }

  public PidsResponse pids(PidsRequest request, Duration timeout) throws TtrpcException {
    return call("Pids", request, PidsResponse.parser(), timeout);
  }

  public void pause(PauseRequest request, Duration timeout) throws TtrpcException {
    call("Pause", request, Empty.parser(), timeout);
  }

  public void resume(ResumeRequest request, Duration timeout) throws TtrpcException {
    call("Resume", request, Empty.parser(), timeout);
  }

  public void checkpoint(CheckpointTaskRequest request, Duration timeout) throws TtrpcException {
    call("Checkpoint", request, Empty.parser(), timeout);
  }

  public void kill(KillRequest request, Duration timeout) throws TtrpcException {
    call("Kill", request, Empty.parser(), timeout);
  }

  public void exec(ExecProcessRequest request, Duration timeout) throws TtrpcException {
    call("Exec", request, Empty.parser(), timeout);
  }

  public void resizePty(ResizePtyRequest request, Duration timeout) throws TtrpcException {
    call("ResizePty", request, Empty.parser(), timeout);
  }

  public void closeIo(CloseIORequest request, Duration timeout) throws TtrpcException {
    call("CloseIO", request, Empty.parser(), timeout);
  }

  public void update(UpdateTaskRequest request, Duration timeout) throws TtrpcException {
    call("Update", request, Empty.parser(), timeout);
  }

  /** Completes when the process has ended; fails with UNAVAILABLE when the shim is lost before. */
  public CompletableFuture<WaitResponse> await(WaitRequest request) {
    return connection.callAsync(
        ServiceNames.TASK_V2, "Wait", request, metadata, WaitResponse.parser());
  }

  public StatsResponse stats(StatsRequest request, Duration timeout) throws TtrpcException {
    return call("Stats", request, StatsResponse.parser(), timeout);
  }

  public ConnectResponse connect(ConnectRequest request, Duration timeout) throws TtrpcException {
    return call("Connect", request, ConnectResponse.parser(), timeout);
  }

  public void shutdown(ShutdownRequest request, Duration timeout) throws TtrpcException {
    call("Shutdown", request, Empty.parser(), timeout);
  }

  private <T extends MessageLite> T call(
      String method, MessageLite request, Parser<T> answer, Duration timeout)
      throws TtrpcException {
    return connection.call(ServiceNames.TASK_V2, method, request, metadata, answer, timeout);
  }
}
