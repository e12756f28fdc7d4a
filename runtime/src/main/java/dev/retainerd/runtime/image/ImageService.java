package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.ImagePullFailedPayload;
import dev.retainerd.eventlog.proto.ImagePulledPayload;
import dev.retainerd.eventlog.proto.ImagePullingPayload;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.NamespaceBirth;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.Reference;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.registry.Repository;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.store.state.Kind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Images by name or id, as CRI has them: pulled, unpacked, listed and removed. They live in the
 * namespace {@value #CRI_NAMESPACE}, each under its tag, its digest and its id, as containerd keeps
 * them, so that other clients of that namespace see the same. Thread-safe.
 */
public final class ImageService {
  /** Where CRI's images live. */
  public static final String CRI_NAMESPACE = "k8s.io";

  private static final String MANAGED_LABEL = "io.cri-containerd.image";
  private static final Map<String, String> MANAGED = Map.of(MANAGED_LABEL, "managed");

  /** How containerd's CRI marks an image that the kubelet must not remove for want of space. */
  private static final String PINNED_LABEL = "io.cri-containerd.pinned";

  private static final String PINNED = "pinned";
  static final String SOURCE_LABEL = "containerd.io/distribution.source.";
  private static final Duration PULL_PATIENCE = Duration.ofHours(2);

  /** For how long a count of the disk's use is good enough. */
  public static final Duration USAGE_HOLDS = Duration.ofSeconds(10);

  /**
   * What the configuration says.
   *
   * @param hosts where registries are
   * @param layersAtOnce downloads of one image at once
   * @param stallPatience a registry that sends nothing for so long is given up; zero for a day
   * @param pinned images never to be removed for want of space
   */
  public record Settings(
      RegistryHosts hosts, int layersAtOnce, Duration stallPatience, Set<String> pinned) {
    public Settings {
      pinned = Set.copyOf(pinned);
      stallPatience = stallPatience.isZero() ? Duration.ofDays(1) : stallPatience;
    }
  }

  private final Journal journal;
  private final ImageRecords records;
  private final ContentService content;
  private final Snapshotters snapshotters;
  private final GarbageCollector garbage;
  private final ImageDocuments documents;
  private final Unpackers unpackers;
  private final Puller puller;
  private final PlatformChoice everyPull;
  private final ImageTransfers transfers;
  private final RegistryClients clients;
  private final Settings settings;
  private final KeyLocks locks = new KeyLocks();
  private final ConcurrentHashMap<Wish, CompletableFuture<String>> underWay =
      new ConcurrentHashMap<>();

  private record CountedUsage(Map<String, Usage> usage, long atNanos) {}

  private volatile CountedUsage counted;

  /** Two wishes that are equal are one pull. */
  private record Wish(Reference reference, Credentials credentials, String snapshotter) {}

  public ImageService(
      Journal journal,
      ContentService content,
      Snapshotters snapshotters,
      DiffService diffs,
      ImageRecords records,
      GarbageCollector garbage,
      RegistryClients clients,
      Settings settings) {
    Platform node = Platform.host();
    this.journal = journal;
    this.records = records;
    this.content = content;
    this.snapshotters = snapshotters;
    this.garbage = garbage;
    this.clients = clients;
    this.settings = settings;
    this.documents = new ImageDocuments(content, node);
    this.unpackers = new Unpackers(snapshotters, content, diffs);
    this.everyPull = PlatformChoice.of(node);
    this.puller = new Puller(content, new Downloads(content), documents, settings.layersAtOnce());
    this.transfers =
        new ImageTransfers(
            new ImageTransfers.Parts(
                records, content, documents, unpackers, puller, garbage, clients, settings));
  }

  /** What clients let the daemon move: from and to registries and archives, in any namespace. */
  public ImageTransfers transfers() {
    return transfers;
  }

  /**
   * Pulls an image and unpacks it. Equal pulls at the same time are one; what an earlier one
   * fetched is not fetched again.
   *
   * @param image as people write it: {@code busybox} is {@code docker.io/library/busybox:latest}
   * @param handler the runtime handler of the pods that it is for; "" for the default one
   * @return the image's id
   * @throws Refusal invalid argument (no reference, no such handler), permission denied, not found,
   *     unavailable
   */
  public String pull(Origin origin, String image, Credentials credentials, String handler) {
    Wish wish =
        new Wish(
            Reference.normalized(image),
            credentials,
            snapshotters.ofKnownHandler(handler).snapshotter());
    CompletableFuture<String> mine = new CompletableFuture<>();
    CompletableFuture<String> other = underWay.putIfAbsent(wish, mine);
    if (other != null) {
      return joined(other);
    }
    try {
      String id = pullNow(origin, wish);
      mine.complete(id);
      return id;
    } catch (RuntimeException e) {
      mine.completeExceptionally(e);
      throw e;
    } finally {
      underWay.remove(wish);
    }
  }

  private static String joined(CompletableFuture<String> other) {
    try {
      return other.orTimeout(PULL_PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof Refusal refusal) {
        throw refusal;
      }
      throw Refusal.internal("the pull that was joined failed", e);
    }
  }

  private String pullNow(Origin origin, Wish wish) {
    Reference reference = wish.reference();
    Scope scope = Scope.of(origin, CRI_NAMESPACE);
    try (KeyLocks.Held held = locks.hold("pull of " + reference, PULL_PATIENCE);
        GarbageCollector.Pause paused = garbage.pause()) {
      long began = System.nanoTime();
      NamespaceBirth.ensure(journal, origin, CRI_NAMESPACE);
      journal.commit(
          origin,
          CRI_NAMESPACE,
          new Event.ImagePulling(
              ImagePullingPayload.newBuilder().setReference(reference.toString()).build()));
      Failpoint.PULL_INTENT_RECORDED.hit();
      try {
        Repository repository =
            Repository.open(
                clients, settings.hosts(), reference, wish.credentials(), settings.stallPatience());
        Map<String, String> source =
            Map.of(SOURCE_LABEL + reference.host(), reference.repository());
        Puller.Pulled pulled =
            puller.pull(
                scope,
                repository,
                new Puller.Wish(everyPull, source, List.of(unpackers.of(wish.snapshotter()))),
                TransferProgress.NONE);
        name(scope, reference, pulled);
        journal.commit(origin, CRI_NAMESPACE, outcome(reference, pulled, began));
        Failpoint.PULL_OUTCOME_RECORDED.hit();
        return idOf(pulled);
      } catch (RuntimeException e) {
        failed(origin, reference.toString(), String.valueOf(e.getMessage()));
        throw e;
      }
    }
  }

  private static Event outcome(Reference reference, Puller.Pulled pulled, long beganNanos) {
    return new Event.ImagePulled(
        ImagePulledPayload.newBuilder()
            .setReference(reference.toString())
            .setTarget(pulled.target())
            .setBytesFetched(pulled.bytesFetched())
            .setMillis((System.nanoTime() - beganNanos) / 1_000_000)
            .build());
  }

  private void failed(Origin origin, String reference, String reason) {
    journal.commit(
        origin,
        CRI_NAMESPACE,
        new Event.ImagePullFailed(
            ImagePullFailedPayload.newBuilder().setReference(reference).setReason(reason).build()));
  }

  private void name(Scope scope, Reference reference, Puller.Pulled pulled) {
    Descriptor target = pulled.target();
    Reference digested =
        new Reference(reference.host(), reference.repository(), "", target.getDigest());
    Map<String, String> labels = labelsOf(reference.toString());
    records.put(scope, reference.toString(), target, labels);
    records.put(scope, digested.toString(), target, labels);
    records.put(scope, idOf(pulled), target, labels);
  }

  private Map<String, String> labelsOf(String name) {
    Map<String, String> labels = new LinkedHashMap<>(MANAGED);
    if (settings.pinned().contains(name)) {
      labels.put(PINNED_LABEL, PINNED);
    }
    return labels;
  }

  /** What is pulled for this node has facts, or the pull has failed. */
  private static String idOf(Puller.Pulled pulled) {
    return pulled.facts().orElseThrow().id();
  }

  /**
   * Finds an image by name, digest, id, or the beginning of its id, and unpacks it where that was
   * not done for this handler: a client put it there, or it was pulled for another one.
   *
   * @param handler the runtime handler of the pod that it is for; "" for the default one
   * @throws Refusal not found
   */
  public NodeImage resolve(Origin origin, String image, String handler) {
    NodeImage found =
        status(image)
            .orElseThrow(
                () -> Refusal.notFound("image \"" + image + "\" is not on this node; pull it"));
    Descriptor target = targetOf(found);
    ImageFacts facts = documents.facts(CRI_NAMESPACE, target);
    try (GarbageCollector.Pause paused = garbage.pause()) {
      Unpacker unpacker = unpackers.of(snapshotters.ofHandler(handler).snapshotter());
      if (!unpacker.isUnpacked(CRI_NAMESPACE, facts)) {
        unpacker.ensureHeld(Scope.of(origin, CRI_NAMESPACE), facts);
      }
    }
    return found;
  }

  /** Puts what lies in an image's layers into an empty folder. */
  public void unpack(String image, Path folder) {
    Descriptor target =
        targetOf(
            status(image)
                .orElseThrow(
                    () -> Refusal.notFound("image \"" + image + "\" is not on this node")));
    FolderBlobs blobs = new FolderBlobs(content);
    for (Descriptor layer : documents.facts(CRI_NAMESPACE, target).layers()) {
      blobs.read(CRI_NAMESPACE, Digest.parse(layer.getDigest()), folder);
    }
  }

  private Descriptor targetOf(NodeImage image) {
    for (ImageRecord record : records.list(CRI_NAMESPACE)) {
      if (factsOf(record).filter(f -> f.id().equals(image.id())).isPresent()) {
        return record.getTarget();
      }
    }
    throw Refusal.notFound("image " + image.id() + " was removed meanwhile; pull it again");
  }

  /** The image of that name, digest, id, or beginning of an id; empty where there is none. */
  public Optional<NodeImage> status(String image) {
    List<NodeImage> all = list();
    for (NodeImage one : all) {
      if (one.id().equals(image) || one.tags().contains(image) || one.digests().contains(image)) {
        return Optional.of(one);
      }
    }
    Optional<NodeImage> named = byReference(all, image);
    return named.isPresent() ? named : byPrefix(all, image);
  }

  /**
   * The image's whole configuration as its registry has it.
   *
   * @throws Refusal not found, where it was removed meanwhile
   */
  public JsonObject configuration(NodeImage image) {
    return documents.document(
        CRI_NAMESPACE, Descriptor.newBuilder().setDigest(image.id()).build(), "config");
  }

  private static Optional<NodeImage> byReference(List<NodeImage> all, String image) {
    String normalized;
    try {
      normalized = Reference.normalized(image).toString();
    } catch (Refusal e) {
      return Optional.empty();
    }
    return all.stream()
        .filter(one -> one.tags().contains(normalized) || one.digests().contains(normalized))
        .findFirst();
  }

  private static Optional<NodeImage> byPrefix(List<NodeImage> all, String image) {
    String prefix = image.startsWith("sha256:") ? image : "sha256:" + image;
    if (prefix.length() == "sha256:".length()) {
      return Optional.empty();
    }
    List<NodeImage> found = all.stream().filter(one -> one.id().startsWith(prefix)).toList();
    return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
  }

  /** Every image that is whole, in order of id. */
  public List<NodeImage> list() {
    Map<String, NodeImage> byId = new TreeMap<>();
    for (ImageRecord record : records.list(CRI_NAMESPACE)) {
      factsOf(record)
          .ifPresent(
              facts -> {
                NodeImage before = byId.get(facts.id());
                byId.put(facts.id(), merged(before, record, facts));
              });
    }
    return List.copyOf(byId.values());
  }

  private NodeImage merged(NodeImage before, ImageRecord record, ImageFacts facts) {
    String name = record.getName();
    List<String> tags = new ArrayList<>(before == null ? List.of() : before.tags());
    List<String> digests = new ArrayList<>(before == null ? List.of() : before.digests());
    boolean pinned =
        before != null && before.pinned()
            || settings.pinned().contains(name)
            || PINNED.equals(record.getLabelsMap().get(PINNED_LABEL));
    if (!Digest.isDigest(name)) {
      (name.indexOf('@') >= 0 ? digests : tags).add(name);
    }
    return new NodeImage(
        facts.id(),
        tags,
        digests,
        facts.sizeBytes(),
        facts.config(),
        facts.chainId(),
        pinned,
        facts.checkpoint());
  }

  /** Empty for what is no image of this platform, or lacks a document. */
  private Optional<ImageFacts> factsOf(ImageRecord record) {
    try {
      return Optional.of(documents.facts(CRI_NAMESPACE, record.getTarget()));
    } catch (Refusal e) {
      return Optional.empty();
    }
  }

  /**
   * Takes an image that another client named in CRI's namespace for CRI's own: it is marked so, and
   * named by its id too, as containerd does, so that a pod that uses it outlives its tag. Nothing
   * happens to one that is marked already, is not whole yet, or is gone.
   */
  public void adopt(Origin origin, String name) {
    Optional<ImageRecord> found =
        records
            .find(CRI_NAMESPACE, name)
            .filter(r -> !Digest.isDigest(name) && !r.getLabelsMap().containsKey(MANAGED_LABEL));
    if (found.isEmpty()) {
      return;
    }
    Scope scope = Scope.of(origin, CRI_NAMESPACE);
    Descriptor target = found.get().getTarget();
    factsOf(found.get())
        .ifPresent(
            facts -> {
              Map<String, String> labels = labelsOf(name);
              records.put(scope, facts.id(), target, labels);
              records.put(scope, name, target, labels);
            });
  }

  /** Removes an image under all its names, and what nothing else holds; fine where it is gone. */
  public void remove(Origin origin, String image) {
    Scope scope = Scope.of(origin, CRI_NAMESPACE);
    Optional<NodeImage> found = status(image);
    if (found.isEmpty()) {
      return;
    }
    for (ImageRecord record : records.list(CRI_NAMESPACE)) {
      boolean same =
          record.getName().equals(found.get().id())
              || factsOf(record).filter(f -> f.id().equals(found.get().id())).isPresent();
      if (same) {
        deleteName(scope, record.getName());
      }
    }
    garbage.collect(origin, CRI_NAMESPACE);
  }

  private void deleteName(Scope scope, String name) {
    try {
      records.delete(scope, name);
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        throw e;
      }
    }
  }

  /**
   * What the snapshots of CRI's namespace take of the disk, by snapshotter, the usual one first.
   * Counting walks through the files of every container, so an answer may be {@link #USAGE_HOLDS}
   * old.
   */
  public Map<String, Usage> usage() {
    CountedUsage last = counted;
    long now = System.nanoTime();
    if (last == null || now - last.atNanos() > USAGE_HOLDS.toNanos()) {
      Map<String, Usage> usage = new LinkedHashMap<>();
      for (SnapshotService snapshots : snapshotters.all()) {
        usage.put(snapshots.snapshotter(), snapshots.usageOfAll(CRI_NAMESPACE));
      }
      last = new CountedUsage(Collections.unmodifiableMap(usage), now);
      counted = last;
    }
    return last.usage();
  }

  /**
   * Ends what an earlier daemon left: pulls that did not end are recorded as failed, layers that
   * were being unpacked and blobs that were never recorded are removed. What was half downloaded
   * stays, for the next pull to go on. After {@link SnapshotService#recover}, before any client is
   * served.
   *
   * @return how many intents were undone
   */
  public int recover(Origin origin) {
    List<String> pulls = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.OPERATION, CRI_NAMESPACE, "pull/", (id, entry) -> pulls.add(entry.getSubject()));
    pulls.forEach(reference -> failed(origin, reference, "the daemon ended meanwhile"));
    int layers = 0;
    for (SnapshotService snapshots : snapshotters.all()) {
      layers += snapshots.removeAllOf(origin, Unpacker.KEY_PREFIX);
    }
    content.sweep();
    return pulls.size() + layers;
  }
}
