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
  private final ImageDocuments documents;
  private final int layersAtOnce;

  /** Unpacking is work for the processors; more at once than there are only costs memory. */
  private final Semaphore unpacking =
      new Semaphore(Math.max(2, Runtime.getRuntime().availableProcessors()));

  Puller(ContentService content, Downloads downloads, ImageDocuments documents, int layersAtOnce) {
    this.content = content;
    this.downloads = downloads;
    this.documents = documents;
    this.layersAtOnce = Math.max(1, layersAtOnce);
  }

  /**
   * What was pulled.
   *
   * @param target what the reference points at: an index or a manifest
   * @param facts of the manifest for this node; empty where that was not wanted
   */
  record Pulled(Descriptor target, Optional<ImageFacts> facts, long bytesFetched) {}

  /**
   * What is wanted of an image.
   *
   * @param into where to unpack what is for this node; nothing for not at all
   */
  record Wish(PlatformChoice platforms, Map<String, String> sourceLabels, List<Unpacker> into) {
    Wish {
      into = List.copyOf(into);
    }
  }

  /**
   * Pulls.
   *
   * @param progress hears of each part
   * @throws Refusal not found, where an index has nothing of the platforms wanted
   */
  Pulled pull(Scope scope, Repository from, Wish wish, TransferProgress progress) {
    Job job = new Job(scope, from, wish, new AtomicLong(), progress);
    Repository.Manifest root = from.resolve();
    Documents found = new Documents(job);
    Descriptor target = found.walk(root, INDEX_DEPTH_MAX, true);
    progress.tell(TransferProgress.Event.COMPLETE, "manifest", target, target.getSize());
    List<Descriptor> others = new ArrayList<>();
    for (Part part : found.parts) {
      if (part.whole()) {
        part.manifest().layers().forEach(Puller::refuseForeign);
        others.addAll(part.manifest().layers());
      }
      ensure(job, part.manifest().config(), "config");
    }
    Optional<ImageFacts> facts =
        ofThisNode(scope.namespace(), target, wish)
            .filter(mine -> others.containsAll(mine.layers()));
    if (facts.isPresent()) {
      own(job, facts.get());
      others.removeAll(facts.get().layers());
    }
    fetch(job, others);
    return new Pulled(target, facts, job.fetched().get());
  }

  /** One pull, and what it has fetched so far. */
  private record Job(
      Scope scope, Repository from, Wish wish, AtomicLong fetched, TransferProgress progress) {}

  private void ensure(Job job, Descriptor part, String kind) {
    downloads.ensure(
        job.scope(),
        job.from(),
        part,
        kind,
        job.wish().sourceLabels(),
        job.fetched(),
        job.progress());
  }

  private static void refuseForeign(Descriptor layer) {
    if (MediaTypes.isForeign(layer.getMediaType())) {
      throw Refusal.failedPrecondition(
          "layer "
              + layer.getDigest()
              + " is foreign: its registry does not hold it, and other"
              + " places are not asked; use an image that carries all its layers");
    }
  }

  /** Where other platforms are wanted, this node's need not be among them. */
  private Optional<ImageFacts> ofThisNode(String namespace, Descriptor target, Wish wish) {
    try {
      return Optional.of(documents.facts(namespace, target));
    } catch (Refusal e) {
      if (wish.platforms().node().isEmpty() && e.is(Refusal.Code.NOT_FOUND)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** A manifest that is taken; with its layers, or only with its config. */
  private record Part(ImageManifest manifest, boolean whole) {}

  /** Fetches manifests down from what the reference points at, and keeps them as content. */
  private final class Documents {
    private final Job job;
    private final List<Part> parts = new ArrayList<>();

    Documents(Job job) {
      this.job = job;
    }

    Descriptor walk(Repository.Manifest document, int depth, boolean whole) {
      JsonObject json = ImageJson.parse(document.bytes(), "manifest " + document.digest());
      Descriptor here =
          Descriptor.newBuilder()
              .setMediaType(mediaType(document, json))
              .setDigest(document.digest())
              .setSize(document.bytes().length)
              .build();
      Map<String, String> labels = new TreeMap<>(job.wish().sourceLabels());
      if (ImageDocuments.isIndex(here, json)) {
        index(here, json, depth, labels);
      } else {
        ImageManifest manifest = ImageManifest.of(json);
        parts.add(new Part(manifest, whole));
        labels.put(GcLabels.CONFIG, manifest.config().getDigest());
        for (int i = 0; i < manifest.layers().size(); i++) {
          labels.put(GcLabels.layer(i), manifest.layers().get(i).getDigest());
        }
      }
      content.put(job.scope(), document.bytes(), labels);
      return here;
    }

    private void index(Descriptor here, JsonObject json, int depth, Map<String, String> labels) {
      if (depth == 0) {
        throw Refusal.invalidArgument(
            "index " + here.getDigest() + " is nested deeper than " + INDEX_DEPTH_MAX);
      }
      ImageIndex index = ImageIndex.of(json);
      List<PlatformChoice.Taken> taken = job.wish().platforms().of(index);
      if (taken.isEmpty()) {
        throw ImageDocuments.noPlatform(here.getDigest(), job.wish().platforms());
      }
      for (PlatformChoice.Taken one : taken) {
        String digest = one.entry().descriptor().getDigest();
        labels.put(GcLabels.manifest(index.manifests().indexOf(one.entry())), digest);
        walk(job.from().manifest(digest), depth - 1, one.whole());
      }
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

  /** What is to be done for one layer. */
  private interface Step {
    void run() throws InterruptedException;
  }

  /** Layers that are not unpacked, several at once. */
  private void fetch(Job job, List<Descriptor> layers) {
    Semaphore downloading = new Semaphore(layersAtOnce);
    List<Step> work = new ArrayList<>();
    for (Descriptor layer : layers) {
      work.add(download(job, downloading, layer));
    }
    inParallel(work);
  }

  private Step download(Job job, Semaphore downloading, Descriptor layer) {
    return () -> {
      downloading.acquire();
      try {
        ensure(job, layer, "layer");
      } finally {
        downloading.release();
      }
    };
  }

  /** The layers of this node's image, unpacked where that is wished for. */
  private void own(Job job, ImageFacts facts) {
    List<Unpacker> into = facts.chainIds().isEmpty() ? List.of() : job.wish().into();
    if (!into.isEmpty()) {
      Map<String, String> labels = new TreeMap<>(job.wish().sourceLabels());
      into.forEach(unpacker -> labels.put(unpacker.gcLabel(), facts.chainId()));
      content.adopt(job.scope(), Digest.parse(facts.id()), labels);
    }
    Optional<Unpacker> meanwhile = into.stream().filter(Unpacker::inAnyOrder).findFirst();
    if (meanwhile.isPresent()) {
      fetchAndUnpack(job, facts, meanwhile.get());
    } else {
      fetch(job, facts.layers());
    }
    into.forEach(unpacker -> unpacker.ensure(job.scope(), facts));
  }

  private void fetchAndUnpack(Job job, ImageFacts facts, Unpacker unpacker) {
    Semaphore downloading = new Semaphore(layersAtOnce);
    try (KeyLocks.Held held = unpacker.hold(job.scope().namespace(), facts)) {
      List<Optional<LayerSnapshots.Layer>> begun = unpacker.begin(job.scope(), facts);
      List<LayerSnapshots.Layer> unpacked = begun.stream().flatMap(Optional::stream).toList();
      List<Step> work = new ArrayList<>();
      for (int i = 0; i < begun.size(); i++) {
        int number = i;
        Step download = download(job, downloading, facts.layers().get(i));
        work.add(
            () -> {
              download.run();
              if (begun.get(number).isPresent()) {
                unpackOne(job, facts, number, unpacker, begun.get(number).get());
              }
            });
      }
      boolean done = false;
      try {
        inParallel(work);
        Failpoint.PULL_FETCHED.hit();
        unpacker.commit(job.scope(), unpacked);
        done = true;
      } finally {
        if (!done) {
          unpacker.discard(job.scope(), unpacked);
        }
      }
      Failpoint.PULL_UNPACKED.hit();
    }
  }

  private void unpackOne(
      Job job, ImageFacts facts, int number, Unpacker unpacker, LayerSnapshots.Layer begun)
      throws InterruptedException {
    Descriptor layer = facts.layers().get(number);
    unpacking.acquire();
    try {
      job.progress().tell(TransferProgress.Event.EXTRACTING, "layer", layer, 0);
      unpacker.unpack(job.scope(), facts, number, begun);
      job.progress().tell(TransferProgress.Event.EXTRACTED, "layer", layer, layer.getSize());
    } finally {
      unpacking.release();
    }
  }

  /** Does all; where one fails, the others are interrupted, and none of them runs any more. */
  private static void inParallel(List<Step> work) {
    List<Future<?>> futures = new ArrayList<>();
    Optional<RuntimeException> failure = Optional.empty();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Step one : work) {
        futures.add(
            threads.submit(
                () -> {
                  one.run();
                  return true;
                }));
      }
      for (Future<?> future : futures) {
        try {
          future.get();
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
      throw failure.get();
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
