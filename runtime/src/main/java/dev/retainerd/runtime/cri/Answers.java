package dev.retainerd.runtime.cri;

import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/** Answers unary calls. */
final class Answers {
  private Answers() {}

  /** How many items a message of a stream of lists has at most. */
  private static final int BATCH = 100;

  /** Sends a list in messages of bounded size; an empty list is no message. */
  static <I, T> void inBatches(
      StreamObserver<T> caller, List<I> items, Function<List<I>, T> message) {
    for (int from = 0; from < items.size(); from += BATCH) {
      caller.onNext(message.apply(items.subList(from, Math.min(items.size(), from + BATCH))));
    }
    caller.onCompleted();
  }

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
