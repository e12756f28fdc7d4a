package dev.retainerd.runtime.cri;

import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;

/** Answers unary calls. */
final class Answers {
  private Answers() {}

  /**
   * Sends what {@code work} makes; what it throws is turned into a status by the server's
   * interceptor.
   */
  static <T> void answer(StreamObserver<T> caller, Supplier<T> work) {
    T value = work.get();
    caller.onNext(value);
    caller.onCompleted();
  }
}
