package dev.retainerd.shim.service;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.ExitJournal;
import dev.retainerd.shim.container.Sandboxes;
import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.protocol.TtrpcServer;
import dev.retainerd.shim.wire.retain.OfferRequest;

/**
 * Answers all calls of a shim. What cannot wait for anything is answered on the connection's own
 * thread, so that State stays quick while many runtimes work; the rest goes to {@link Workers}.
 * Thread-safe.
 */
public final class ShimService implements TtrpcServer.Handler {
  private static final String BUSY = "too many calls wait already; try again";

  /** What a call is answered; null where the answer comes later. */
  @FunctionalInterface
  private interface Answer {
    MessageLite get() throws TtrpcException, InvalidProtocolBufferException;
  }

  private final TaskCalls tasks;
  private final SandboxCalls sandboxes;
  private final RetainCalls own;
  private final Workers workers = new Workers();
  private final String defaultNamespace;

  /**
   * @param defaultNamespace of calls that name none
   * @param version what Info and Connect answer
   * @param exit ends this process; called after the answer is on its way
   */
  public ShimService(
      Containers containers,
      ExitJournal journal,
      String defaultNamespace,
      String version,
      Runnable exit) {
    this.tasks = new TaskCalls(containers, version, exit);
    this.sandboxes = new SandboxCalls(new Sandboxes(containers), containers, exit);
    this.own = new RetainCalls(containers, journal, version, exit);
    this.defaultNamespace = defaultNamespace;
  }

  @Override
  public void handle(TtrpcCall call) {
    if (isQuick(call.method())) {
      serve(call);
    } else if (call.service().equals(ServiceNames.SHIM) && call.method().equals("Offer")) {
      offered(call);
    } else if (!workers.run(() -> serve(call))) {
      call.fail(StatusCode.RESOURCE_EXHAUSTED, BUSY);
    }
  }

  /** Taken at once, so that who waits for us knows: other calls may wait for their runtimes. */
  private void offered(TtrpcCall call) {
    try {
      OfferRequest request = OfferRequest.parseFrom(call.payload());
      tasks.take(request);
      byte[] create = request.getCreate().toByteArray();
      if (!workers.run(() -> serve(call, () -> tasks.run(namespace(call), create)))) {
        call.fail(StatusCode.RESOURCE_EXHAUSTED, BUSY);
      }
    } catch (InvalidProtocolBufferException e) {
      call.fail(StatusCode.INVALID_ARGUMENT, "Offer: its payload is no valid message");
    } catch (TtrpcException e) {
      call.fail(e);
    }
  }

  private static boolean isQuick(String method) {
    return switch (method) {
      case "State", "Wait", "Connect", "Info", "Records", "Pids" -> true;
      case "Platform", "WaitSandbox", "SandboxStatus", "PingSandbox" -> true;
      default -> false;
    };
  }

  private void serve(TtrpcCall call) {
    serve(call, () -> dispatch(call));
  }

  private static void serve(TtrpcCall call, Answer wanted) {
    try {
      MessageLite answer = wanted.get();
      if (answer != null) {
        call.answer(answer);
      }
    } catch (TtrpcException e) {
      call.fail(e);
    } catch (InvalidProtocolBufferException e) {
      call.fail(StatusCode.INVALID_ARGUMENT, call.method() + ": its payload is no valid message");
    } catch (IllegalArgumentException e) {
      call.fail(StatusCode.INVALID_ARGUMENT, call.method() + ": " + e.getMessage());
    } catch (RuntimeException | StackOverflowError e) {
      System.err.println("a fault in " + call.method() + ": " + e);
      e.printStackTrace();
      call.fail(StatusCode.INTERNAL, call.method() + " failed: " + e);
    }
  }

  private String namespace(TtrpcCall call) {
    return call.namespace().isEmpty() ? defaultNamespace : call.namespace();
  }

  private MessageLite dispatch(TtrpcCall call)
      throws TtrpcException, InvalidProtocolBufferException {
    return switch (call.service()) {
      case ServiceNames.TASK_V2, ServiceNames.TASK_V3 -> tasks.serve(call, namespace(call));
      case ServiceNames.SANDBOX -> sandboxes.serve(call, namespace(call));
      case ServiceNames.SHIM ->
          switch (call.method()) {
            case "Run" -> tasks.run(namespace(call), call.payload());
            case "RunExec" -> tasks.runExec(namespace(call), call.payload());
            default -> own.serve(call);
          };
      default ->
          throw new TtrpcException(
              StatusCode.UNIMPLEMENTED, "service " + call.service() + " is not served here");
    };
  }
}
