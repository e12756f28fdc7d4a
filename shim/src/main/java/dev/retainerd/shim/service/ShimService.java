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

/**
 * Answers all calls of a shim. What cannot wait for anything is answered on the connection's own
 * thread, so that State stays quick while many runtimes work; the rest goes to {@link Workers}.
 * Thread-safe.
 */
public final class ShimService implements TtrpcServer.Handler {
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
    } else if (!workers.run(() -> serve(call))) {
      call.fail(StatusCode.RESOURCE_EXHAUSTED, "too many calls wait already; try again");
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
    try {
      MessageLite answer = dispatch(call);
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

  private MessageLite dispatch(TtrpcCall call)
      throws TtrpcException, InvalidProtocolBufferException {
    return switch (call.service()) {
      case ServiceNames.TASK_V2, ServiceNames.TASK_V3 -> {
        String namespace = call.namespace().isEmpty() ? defaultNamespace : call.namespace();
        yield tasks.serve(call, namespace);
      }
      case ServiceNames.SANDBOX -> {
        String namespace = call.namespace().isEmpty() ? defaultNamespace : call.namespace();
        yield sandboxes.serve(call, namespace);
      }
      case ServiceNames.SHIM -> {
        String namespace = call.namespace().isEmpty() ? defaultNamespace : call.namespace();
        yield switch (call.method()) {
          case "Run" -> tasks.run(namespace, call.payload());
          case "RunExec" -> tasks.runExec(namespace, call.payload());
          default -> own.serve(call);
        };
      }
      default ->
          throw new TtrpcException(
              StatusCode.UNIMPLEMENTED, "service " + call.service() + " is not served here");
    };
  }
}
