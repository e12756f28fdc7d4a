package dev.retainerd.runtime.grpc;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Context;
import io.grpc.Metadata;
import java.util.Optional;

/**
 * What a service may ask about the call it answers. The values travel in gRPC's context, so they
 * are there on the thread that runs the handler and on others only if the handler carries {@link
 * Context#current()} over.
 */
public final class CallContext {
  /** The header in which containerd's clients name their namespace. */
  public static final Metadata.Key<String> NAMESPACE_HEADER =
      Metadata.Key.of("containerd-namespace", Metadata.ASCII_STRING_MARSHALLER);

  /** The header in which containerd's clients name the lease that shall hold what they make. */
  public static final Metadata.Key<String> LEASE_HEADER =
      Metadata.Key.of("containerd-lease", Metadata.ASCII_STRING_MARSHALLER);

  static final Context.Key<Caller> CALLER = Context.keyWithDefault("caller", Caller.UNKNOWN);
  static final Context.Key<String> REQUEST_ID = Context.keyWithDefault("request-id", "");
  static final Context.Key<String> NAMESPACE = Context.keyWithDefault("namespace", "");
  static final Context.Key<String> LEASE = Context.keyWithDefault("lease", "");

  private CallContext() {}

  public static Caller caller() {
    return CALLER.get();
  }

  /** The id under which this call is logged and recorded; empty outside of a call. */
  public static String requestId() {
    return REQUEST_ID.get();
  }

  /**
   * The namespace that the caller named, already checked to be a valid identifier.
   *
   * @throws Refusal FAILED_PRECONDITION if the caller named none
   */
  public static String namespace() {
    String namespace = NAMESPACE.get();
    if (namespace.isEmpty()) {
      throw Refusal.failedPrecondition(
          "namespace is required: send it in the header containerd-namespace (ctr: -n NAME)");
    }
    return namespace;
  }

  public static Optional<String> namespaceIfAny() {
    return Optional.of(NAMESPACE.get()).filter(name -> !name.isEmpty());
  }

  /** The lease that the caller works under, if it named one. */
  public static Optional<String> leaseIfAny() {
    return Optional.of(LEASE.get()).filter(name -> !name.isEmpty());
  }
}
