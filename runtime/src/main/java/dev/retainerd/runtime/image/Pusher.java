package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Repository;
import dev.retainerd.store.proto.ContentEntry;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/**
 * Sends an image of a namespace to a registry: blobs first, side by side, then the manifests that
 * name them, the top one last, so that the registry never has a name without its parts.
 * Thread-safe.
 */
final class Pusher {
  private static final int BLOBS_AT_ONCE = 3;
  private static final int INDEX_DEPTH_MAX = 4;

  private final ContentService content;
  private final ImageDocuments documents;

  Pusher(ContentService content, ImageDocuments documents) {
    this.content = content;
    this.documents = documents;
  }

  /**
   * Pushes.
   *
   * @param target a manifest, or an index with all that it names
   * @param host of the registry: what came from there is taken over inside of it
   * @throws Refusal not found, where a part is not in the namespace; and what the registry says
   */
  void push(
      String namespace, Descriptor target, Repository to, String host, TransferProgress progress) {
    Set<Descriptor> blobs = new LinkedHashSet<>();
    List<Descriptor> manifests = new ArrayList<>();
    collect(namespace, target, blobs, manifests, INDEX_DEPTH_MAX);
    sendAll(namespace, blobs, to, host, progress);
    for (Descriptor manifest : manifests) {
      byte[] bytes =
          content.bytes(
              namespace, Digest.parse(manifest.getDigest()), ImageJson.DOCUMENT_BYTES_MAX);
      boolean top = manifest.equals(target);
      to.pushManifest(manifest.getMediaType(), manifest.getDigest(), bytes, top);
      progress.tell(TransferProgress.Event.DONE, "manifest", manifest, bytes.length);
    }
  }

  /** Children before their parents. */
  private void collect(
      String namespace,
      Descriptor at,
      Set<Descriptor> blobs,
      List<Descriptor> manifests,
      int depth) {
    JsonObject json = documents.document(namespace, at, "manifest");
    if (ImageDocuments.isIndex(at, json)) {
      if (depth == 0) {
        throw Refusal.invalidArgument(
            "index " + at.getDigest() + " is nested deeper than " + INDEX_DEPTH_MAX);
      }
      for (ImageIndex.Entry entry : ImageIndex.of(json).manifests()) {
        Descriptor child = entry.descriptor();
        if (content.find(namespace, Digest.parse(child.getDigest())).isEmpty()) {
          throw Refusal.notFound(
              "manifest "
                  + child.getDigest()
                  + entry.platform().map(p -> " for " + p).orElse("")
                  + " is not on this node; pull all platforms, or push a single one");
        }
        collect(namespace, child, blobs, manifests, depth - 1);
      }
    } else {
      ImageManifest manifest = ImageManifest.of(json);
      blobs.add(manifest.config());
      manifest.layers().stream()
          .filter(layer -> !MediaTypes.isForeign(layer.getMediaType()))
          .forEach(blobs::add);
    }
    manifests.add(at);
  }

  private void sendAll(
      String namespace,
      Set<Descriptor> blobs,
      Repository to,
      String host,
      TransferProgress progress) {
    Semaphore atOnce = new Semaphore(BLOBS_AT_ONCE);
    List<Future<Void>> futures = new ArrayList<>();
    Optional<RuntimeException> failure = Optional.empty();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Descriptor blob : blobs) {
        Callable<Void> sending =
            () -> {
              atOnce.acquire();
              try {
                send(namespace, blob, to, host, progress);
                return null;
              } finally {
                atOnce.release();
              }
            };
        futures.add(threads.submit(sending));
      }
      for (Future<Void> future : futures) {
        try {
          future.get();
        } catch (ExecutionException | InterruptedException e) {
          failure = failure.or(() -> Optional.of(Puller.failure(e)));
          futures.forEach(other -> other.cancel(true));
        } catch (java.util.concurrent.CancellationException e) {
          // The failure before it is the one to tell.
        }
      }
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  private void send(
      String namespace, Descriptor blob, Repository to, String host, TransferProgress progress) {
    Digest digest = Digest.parse(blob.getDigest());
    ContentEntry entry = content.info(namespace, digest);
    String sources = entry.getLabelsOrDefault(ImageService.SOURCE_LABEL + host, "");
    progress.tell(TransferProgress.Event.WAITING, "layer", blob, 0);
    Repository.Pushed pushed =
        to.pushBlob(
            digest.toString(),
            blob.getSize(),
            () ->
                new CountedStream(
                    Channels.newInputStream(content.open(namespace, digest)),
                    bytes -> progress.tell(TransferProgress.Event.UPLOADING, "layer", blob, bytes)),
            sources.split(",")[0]);
    TransferProgress.Event outcome =
        pushed == Repository.Pushed.SENT
            ? TransferProgress.Event.DONE
            : TransferProgress.Event.EXISTS;
    progress.tell(outcome, "layer", blob, blob.getSize());
  }
}
