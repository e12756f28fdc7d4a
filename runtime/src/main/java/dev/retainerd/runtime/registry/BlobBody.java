package dev.retainerd.runtime.registry;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Hands a response's body on as it comes, never more than the blob has. */
final class BlobBody implements HttpResponse.BodySubscriber<byte[]> {
  private final BlobSink sink;
  private final long size;
  private final CompletableFuture<byte[]> done = new CompletableFuture<>();
  private Flow.Subscription subscription;
  private volatile long lastByteNanos = System.nanoTime();

  BlobBody(BlobSink sink, long size) {
    this.sink = sink;
    this.size = size;
  }

  long lastByteNanos() {
    return lastByteNanos;
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    subscription = given;
    given.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> parts) {
    if (done.isDone()) {
      return;
    }
    lastByteNanos = System.nanoTime();
    try {
      for (ByteBuffer part : parts) {
        if (sink.offset() + part.remaining() > size) {
          throw new EndlessBodyException(size);
        }
        sink.write(part);
      }
      subscription.request(1);
    } catch (IOException | RuntimeException e) {
      subscription.cancel();
      done.completeExceptionally(e);
    }
  }

  @Override
  public void onError(Throwable throwable) {
    done.completeExceptionally(throwable);
  }

  @Override
  public void onComplete() {
    done.complete(new byte[0]);
  }

  @Override
  public CompletionStage<byte[]> getBody() {
    return done;
  }

  /** The server sends more than the blob's descriptor says it has. */
  static final class EndlessBodyException extends IOException {
    private static final long serialVersionUID = 1L;

    EndlessBodyException(long size) {
      super("more than the " + size + " bytes that the blob has");
    }
  }
}
