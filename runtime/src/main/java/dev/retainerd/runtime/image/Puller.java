package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Repository;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Fetches an image with all it is made of for this node's platform, and unpacks it; layers are
 * unpacked while others still come. Names no image: that is for the caller. Thread-safe.
 */
final class Puller {
  private static final int INDEX_DEPTH_MAX = 4;

  private final ContentService content;
  private final Downloads downloads;
  private final Unpacker unpacker;
  private final ImageDocuments documents;
  private final Platform node;
  private final int layersAtOnce;

  /** Unpacking is work for the processors; more at once than there are only costs memory. */
  private final Semaphore unpacking =
      new Semaphore(Math.max(2, Runtime.getRuntime().availableProcessors()));

  Puller(
      ContentService content,
      Downloads downloads,
      Unpacker unpacker,
      ImageDocuments documents,
      Platform node,
      int layersAtOnce) {
    this.content = content;
    this.downloads = downloads;
    this.unpacker = unpacker;
    this.documents = documents;
    this.node = node;
    this.layersAtOnce = Math.max(1, layersAtOnce);
  }

  /**
   * What was pulled.
   *
   * @param target what the reference points at: an index or a manifest
   */
  record Pulled(Descriptor target, ImageFacts facts, long bytesFetched) {}

  /**
   * Pulls.
   *
   * @param unpack whether to unpack it too
   * @param progress hears of each part
   */
  Pulled pull(
      Scope scope,
      Repository from,
      Map<String, String> sourceLabels,
      boolean unpack,
      TransferProgress progress) {
    AtomicLong fetched = new AtomicLong();
    Repository.Manifest root = from.resolve();
    Documents found = new Documents(scope, from, sourceLabels);
    Descriptor target = found.walk(root, INDEX_DEPTH_MAX);
    progress.tell(TransferProgress.Event.COMPLETE, "manifest", target, target.getSize());
    for (Descriptor layer : found.manifest.layers()) {
      if (MediaTypes.isForeign(layer.getMediaType())) {
        throw Refusal.failedPrecondition(
            "layer "
                + layer.getDigest()
                + " is foreign: its registry does not hold it, and other"
                + " places are not asked; use an image that carries all its layers");
      }
    }
    downloads.ensure(
        scope, from, found.manifest.config(), "config", sourceLabels, fetched, progress);
    ImageFacts facts = documents.facts(scope.namespace(), target);
    if (unpack && !facts.chainIds().isEmpty()) {
      Map<String, String> labels = new TreeMap<>(sourceLabels);
      labels.put(unpacker.gcLabel(), facts.chainId());
      content.adopt(scope, Digest.parse(facts.id()), labels);
    }
    layers(scope, from, facts, sourceLabels, fetched, unpack, progress);
    return new Pulled(target, facts, fetched.get());
  }

  /** Fetches manifests down from what the reference points at, and keeps them as content. */
  private final class Documents {
    private final Scope scope;
    private final Repository from;
    private final Map<String, String> sourceLabels;
    private ImageManifest manifest;

    Documents(Scope scope, Repository from, Map<String, String> sourceLabels) {
      this.scope = scope;
      this.from = from;
      this.sourceLabels = sourceLabels;
    }

    Descriptor walk(Repository.Manifest document, int depth) {
      JsonObject json = ImageJson.parse(document.bytes(), "manifest " + document.digest());
      Descriptor here =
          Descriptor.newBuilder()
              .setMediaType(mediaType(document, json))
              .setDigest(document.digest())
              .setSize(document.bytes().length)
              .build();
      Map<String, String> labels = new TreeMap<>(sourceLabels);
      if (ImageDocuments.isIndex(here, json)) {
        index(here, json, depth, labels);
      } else {
        manifest = ImageManifest.of(json);
        labels.put(GcLabels.CONFIG, manifest.config().getDigest());
        for (int i = 0; i < manifest.layers().size(); i++) {
          labels.put(GcLabels.layer(i), manifest.layers().get(i).getDigest());
        }
      }
      content.put(scope, document.bytes(), labels);
      return here;
    }

    private void index(Descriptor here, JsonObject json, int depth, Map<String, String> labels) {
      if (depth == 0) {
        throw Refusal.invalidArgument(
            "index " + here.getDigest() + " is nested deeper than " + INDEX_DEPTH_MAX);
      }
      ImageIndex index = ImageIndex.of(json);
      ImageIndex.Entry best =
          index.best(node).orElseThrow(() -> ImageDocuments.noPlatform(here.getDigest(), node));
      labels.put(GcLabels.manifest(index.manifests().indexOf(best)), best.descriptor().getDigest());
      walk(from.manifest(best.descriptor().getDigest()), depth - 1);
    }

    /** The document's own word counts before the server's: some servers say "application/json". */
    private String mediaType(Repository.Manifest document, JsonObject json) {
      String own = ImageJson.text(json, "mediaType");
      if (!own.isEmpty()) {
        return own;
      }
      String told = document.mediaType();
      if (MediaTypes.isIndex(told) || MediaTypes.isManifest(told)) {
        return told;
      }
      return json.has("manifests") ? MediaTypes.OCI_INDEX : MediaTypes.OCI_MANIFEST;
    }
  }

  private void layers(
      Scope scope,
      Repository from,
      ImageFacts facts,
      Map<String, String> labels,
      AtomicLong fetched,
      boolean wanted,
      TransferProgress progress) {
    boolean unpack = wanted && !facts.chainIds().isEmpty() && unpacker.inAnyOrder();
    Semaphore downloading = new Semaphore(layersAtOnce);
    List<Callable<Optional<SnapshotService.Layer>>> work = new ArrayList<>();
    for (int i = 0; i < facts.layers().size(); i++) {
      int number = i;
      Descriptor layer = facts.layers().get(i);
      work.add(
          () -> {
            downloading.acquire();
            try {
              downloads.ensure(scope, from, layer, "layer", labels, fetched, progress);
            } finally {
              downloading.release();
            }
            return unpack ? unpackOne(scope, facts, number, progress) : Optional.empty();
          });
    }
    if (!unpack) {
      inParallel(scope, work);
      if (wanted) {
        unpacker.ensure(scope, facts);
      }
      return;
    }
    try (KeyLocks.Held held = unpacker.hold(scope.namespace(), facts)) {
      List<SnapshotService.Layer> unpacked = inParallel(scope, work);
      Failpoint.PULL_FETCHED.hit();
      unpacker.commit(scope, unpacked);
      Failpoint.PULL_UNPACKED.hit();
    }
  }

  private Optional<SnapshotService.Layer> unpackOne(
      Scope scope, ImageFacts facts, int number, TransferProgress progress)
      throws InterruptedException {
    Descriptor layer = facts.layers().get(number);
    unpacking.acquire();
    try {
      progress.tell(TransferProgress.Event.EXTRACTING, "layer", layer, 0);
      Optional<SnapshotService.Layer> done = unpacker.unpack(scope, facts, number);
      progress.tell(TransferProgress.Event.EXTRACTED, "layer", layer, layer.getSize());
      return done;
    } finally {
      unpacking.release();
    }
  }

  /**
   * Does all, or none: where one fails, the others are interrupted and what they did taken back.
   */
  private List<SnapshotService.Layer> inParallel(
      Scope scope, List<Callable<Optional<SnapshotService.Layer>>> work) {
    List<SnapshotService.Layer> done = new ArrayList<>();
    List<Future<Optional<SnapshotService.Layer>>> futures = new ArrayList<>();
    Optional<RuntimeException> failure = Optional.empty();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      work.forEach(one -> futures.add(threads.submit(one)));
      for (Future<Optional<SnapshotService.Layer>> future : futures) {
        try {
          future.get().ifPresent(done::add);
        } catch (ExecutionException | InterruptedException e) {
          if (failure.isEmpty()) {
            failure = Optional.of(failure(e));
            futures.forEach(other -> other.cancel(true));
          }
        } catch (CancellationException e) {
          // The failure before it is the one to tell.
        }
      }
    }
    if (failure.isPresent()) {
      unpackedOf(futures, done);
      unpacker.discard(scope, done);
      throw failure.get();
    }
    return done;
  }

  /** Those that ended well after the failure was seen. */
  private static void unpackedOf(
      List<Future<Optional<SnapshotService.Layer>>> futures, List<SnapshotService.Layer> into) {
    for (Future<Optional<SnapshotService.Layer>> future : futures) {
      if (future.state() == Future.State.SUCCESS && future.resultNow().isPresent()) {
        SnapshotService.Layer layer = future.resultNow().get();
        if (!into.contains(layer)) {
          into.add(layer);
        }
      }
    }
  }

  static RuntimeException failure(Exception e) {
    if (e instanceof InterruptedException) {
      Thread.currentThread().interrupt();
      return Refusal.cancelled("the pull was interrupted");
    }
    return switch (e.getCause()) {
      case Refusal refusal -> refusal;
      case InterruptedException i -> Refusal.cancelled("the pull was interrupted").because(i);
      case Throwable other -> Refusal.internal("the pull failed: " + other.getMessage(), other);
    };
  }
}
