package dev.retainerd.runtime.grpc;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;

/** How what a handler throws becomes what the client reads. One table, used for every service. */
public final class StatusOf {
  private StatusOf() {}

  /** The gRPC code of a refusal's code. */
  public static Status.Code code(Refusal.Code code) {
    return switch (code) {
      case NOT_FOUND -> Status.Code.NOT_FOUND;
      case ALREADY_EXISTS -> Status.Code.ALREADY_EXISTS;
      case INVALID_ARGUMENT -> Status.Code.INVALID_ARGUMENT;
      case FAILED_PRECONDITION -> Status.Code.FAILED_PRECONDITION;
      case UNAVAILABLE -> Status.Code.UNAVAILABLE;
      case RESOURCE_EXHAUSTED -> Status.Code.RESOURCE_EXHAUSTED;
      case UNIMPLEMENTED -> Status.Code.UNIMPLEMENTED;
      case DEADLINE_EXCEEDED -> Status.Code.DEADLINE_EXCEEDED;
      case CANCELLED -> Status.Code.CANCELLED;
      case PERMISSION_DENIED -> Status.Code.PERMISSION_DENIED;
      case OUT_OF_RANGE -> Status.Code.OUT_OF_RANGE;
      case UNKNOWN -> Status.Code.UNKNOWN;
      case INTERNAL -> Status.Code.INTERNAL;
    };
  }

  /** True for what was meant for the client: a refusal, or a status that a handler made itself. */
  static boolean isAnswer(Throwable thrown) {
    return thrown instanceof Refusal
        || thrown instanceof StatusRuntimeException
        || thrown instanceof StatusException;
  }

  /**
   * The status that the client gets. Anything that is no answer becomes INTERNAL with the request
   * id and without its own text, which may name what the client may not see.
   */
  public static Status status(Throwable thrown, String method, String requestId) {
    return switch (thrown) {
      case Refusal refusal ->
          code(refusal.code()).toStatus().withDescription(refusal.sentence()).withCause(refusal);
      case StatusRuntimeException status -> status.getStatus();
      case StatusException status -> status.getStatus();
      default ->
          Status.INTERNAL
              .withDescription(
                  "%s failed inside retainerd; its log has the reason under request %s"
                      .formatted(method, requestId))
              .withCause(thrown);
    };
  }
}
