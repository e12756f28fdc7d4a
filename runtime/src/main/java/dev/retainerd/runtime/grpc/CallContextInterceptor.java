package dev.retainerd.runtime.grpc;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Puts caller, request id, namespace and lease into the context of each call. A call to a service
 * of containerd that works within a namespace is refused here when it names none, so no service
 * needs to think of it.
 */
final class CallContextInterceptor implements ServerInterceptor {
  private static final String CONTAINERD = "containerd.services.";

  /** Services and methods of containerd that are answered without a namespace. */
  private static final Set<String> WITHOUT_NAMESPACE =
      Set.of(
          "containerd.services.version.v1.Version",
          "containerd.services.introspection.v1.Introspection",
          "containerd.services.namespaces.v1.Namespaces",
          "containerd.services.streaming.v1.Streaming",
          "containerd.services.events.v1.Events/Subscribe",
          "containerd.services.events.v1.Events/Forward");

  private final String idPrefix = Long.toHexString(System.currentTimeMillis());
  private final AtomicLong calls = new AtomicLong();

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    Caller caller = call.getAttributes().get(PeerCredentialsNegotiator.CALLER);
    String requestId = idPrefix + "-" + calls.incrementAndGet();
    Context context =
        Context.current()
            .withValue(CallContext.CALLER, caller == null ? Caller.UNKNOWN : caller)
            .withValue(CallContext.REQUEST_ID, requestId);
    String method = call.getMethodDescriptor().getFullMethodName();
    try {
      context = withNames(context, method, headers);
    } catch (Refusal refusal) {
      call.close(StatusOf.status(refusal, method, requestId), new Metadata());
      return new ServerCall.Listener<>() {};
    }
    return Contexts.interceptCall(context, call, headers, next);
  }

  private static Context withNames(Context context, String method, Metadata headers) {
    String namespace = headers.get(CallContext.NAMESPACE_HEADER);
    String lease = headers.get(CallContext.LEASE_HEADER);
    if (namespace != null && !namespace.isEmpty()) {
      context = context.withValue(CallContext.NAMESPACE, Identifiers.check("namespace", namespace));
    } else if (needsNamespace(method)) {
      throw Refusal.failedPrecondition(
          "namespace is required for %s: send it in the header containerd-namespace (ctr: -n NAME)"
              .formatted(method));
    }
    return lease == null || lease.isEmpty() ? context : context.withValue(CallContext.LEASE, lease);
  }

  static boolean needsNamespace(String method) {
    return method.startsWith(CONTAINERD)
        && !WITHOUT_NAMESPACE.contains(method)
        && !WITHOUT_NAMESPACE.contains(method.substring(0, method.indexOf('/')));
  }
}
