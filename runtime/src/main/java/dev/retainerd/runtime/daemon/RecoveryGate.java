package dev.retainerd.runtime.daemon;

import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.regex.Pattern;

/**
 * Holds requests that change something until recovery has closed what the daemon before left open;
 * reads pass at once. It stands before any lock is taken, so that recovery never waits for a
 * request that waits for it.
 *
 * @param awaitRecovered throws a refusal where recovery takes longer than a client would wait
 */
record RecoveryGate(Runnable awaitRecovered) implements ServerInterceptor {
  private static final Pattern READS =
      Pattern.compile(
          "(List|Get|Stat|Info|Read|Version|Server|Plugins|Mounts|Usage|Subscribe|Stream).*"
              + "|.*(Status|Stats|Statuses|Config)");

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    String method = call.getMethodDescriptor().getBareMethodName();
    if (method != null && READS.matcher(method).matches()) {
      return next.startCall(call, headers);
    }
    if (call.getMethodDescriptor().getType() != MethodDescriptor.MethodType.UNARY) {
      awaitRecovered.run();
      return next.startCall(call, headers);
    }
    // Until its request is whole, such a call is on the event loop, where nothing may wait.
    return new ForwardingServerCallListener.SimpleForwardingServerCallListener<>(
        next.startCall(call, headers)) {
      @Override
      public void onHalfClose() {
        awaitRecovered.run();
        super.onHalfClose();
      }
    };
  }
}
