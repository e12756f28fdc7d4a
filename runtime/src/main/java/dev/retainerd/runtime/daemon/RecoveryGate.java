package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.StatusOf;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.regex.Pattern;

/**
 * Holds requests that change something until recovery has closed what the daemon before left open;
 * reads pass at once. It stands before any lock is taken, so that recovery never waits for a
 * request that waits for it.
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
    if (method == null || !READS.matcher(method).matches()) {
      try {
        awaitRecovered.run();
      } catch (Refusal notYet) {
        call.close(
            Status.fromCode(StatusOf.code(notYet.code())).withDescription(notYet.sentence()),
            new Metadata());
        return new ServerCall.Listener<>() {};
      }
    }
    return next.startCall(call, headers);
  }
}
