package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.BlobSink;
import dev.retainerd.runtime.registry.Repository;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Brings blobs from registries into content, each once: who wants a blob that another pull is
 * fetching waits for that one. Thread-safe.
 */
final class Downloads {
  private static final Duration JOIN_PATIENCE = Duration.ofHours(2);
  private static final Duration LOCKED_PATIENCE = Duration.ofSeconds(60);

  private final ContentService content;
  private final ConcurrentHashMap<String, CompletableFuture<Void>> underWay =
      new ConcurrentHashMap<>();

  Downloads(ContentService content) {
    this.content = content;
  }

  /**
   * Makes a blob the namespace's, fetching it if nobody has it.
   *
   * @param kind begins the ingest's ref: {@code layer} or {@code config}
   * @param fetched grows by the bytes that came over the wire
   * @param progress hears how far it is
   */
  void ensure(
      Scope scope,
      Repository from,
      Descriptor blob,
      String kind,
      Map<String, String> labels,
      AtomicLong fetched,
      TransferProgress progress) {
    Digest digest = Digest.parse(blob.getDigest());
    if (content.adopt(scope, digest, labels)) {
      progress.tell(TransferProgress.Event.EXISTS, kind, blob, blob.getSize());
      return;
    }
    progress.tell(TransferProgress.Event.WAITING, kind, blob, 0);
    CompletableFuture<Void> mine = new CompletableFuture<>();
    CompletableFuture<Void> other = underWay.putIfAbsent(digest.toString(), mine);
    if (other != null) {
      join(other);
      if (!content.adopt(scope, digest, labels)) {
        // The other one failed; its reason may not be ours (credentials, another registry).
        ensure(scope, from, blob, kind, labels, fetched, progress);
      } else {
        progress.tell(TransferProgress.Event.COMPLETE, kind, blob, blob.getSize());
      }
      return;
    }
    try {
      TransferProgress.Event down = TransferProgress.Event.DOWNLOADING;
      LongConsumer teller = bytes -> progress.tell(down, kind, blob, bytes);
      fetch(scope, from, blob, kind + "-" + digest, labels, fetched, teller);
      progress.tell(TransferProgress.Event.COMPLETE, kind, blob, blob.getSize());
    } finally {
      underWay.remove(digest.toString());
      mine.complete(null);
    }
  }

  private static void join(CompletableFuture<Void> other) {
    try {
      other.get(JOIN_PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw Refusal.deadlineExceeded("another pull's download does not end").because(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the pull was interrupted");
    } catch (ExecutionException e) {
      throw new IllegalStateException("it is never completed with a failure", e);
    }
  }

  private void fetch(
      Scope scope,
      Repository from,
      Descriptor blob,
      String ref,
      Map<String, String> labels,
      AtomicLong fetched,
      LongConsumer teller) {
    Digest digest = Digest.parse(blob.getDigest());
    for (int attempt = 0; ; attempt++) {
      boolean resumed;
      try (ContentWriter writer = open(scope, blob, ref)) {
        resumed = writer.resumed();
        try {
          from.blob(digest.toString(), blob.getSize(), new IntoContent(writer, fetched, teller));
          writer.commit(scope, blob.getSize(), Optional.of(digest), labels);
          return;
        } catch (Refusal e) {
          if (e.is(Refusal.Code.ALREADY_EXISTS)) {
            return;
          }
          // What was fetched is kept for the next pull, unless it turned out to be wrong.
          boolean wrong = e.is(Refusal.Code.FAILED_PRECONDITION);
          if (wrong) {
            writer.abort();
          }
          if (!wrong || !resumed || attempt > 0) {
            throw e;
          }
        }
      } catch (Refusal e) {
        if (e.is(Refusal.Code.ALREADY_EXISTS)) {
          return;
        }
        throw e;
      }
    }
  }

  /** A client may be writing the same blob: it is waited for a while. */
  private ContentWriter open(Scope scope, Descriptor blob, String ref) {
    long deadline = System.nanoTime() + LOCKED_PATIENCE.toNanos();
    while (true) {
      try {
        return content.write(
            scope.namespace(), ref, blob.getSize(), Optional.of(Digest.parse(blob.getDigest())));
      } catch (Refusal e) {
        if (!e.is(Refusal.Code.UNAVAILABLE) || System.nanoTime() > deadline) {
          throw e;
        }
      }
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Refusal.cancelled("the pull was interrupted");
      }
    }
  }

  private record IntoContent(ContentWriter writer, AtomicLong fetched, LongConsumer teller)
      implements BlobSink {
    @Override
    public long offset() {
      return writer.offset();
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
      fetched.addAndGet(bytes.remaining());
      writer.write(bytes);
      teller.accept(writer.offset());
    }

    @Override
    public void restart() throws IOException {
      writer.truncate();
    }
  }
}
