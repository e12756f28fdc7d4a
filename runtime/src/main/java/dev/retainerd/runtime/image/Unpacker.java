package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.AppliedLayer;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Mount;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns an image's layers into committed snapshots, named by their chain ids. Layers are unpacked
 * in any order, side by side, and committed together once all of them verified. Thread-safe.
 */
final class Unpacker {
  private static final Logger LOG = LoggerFactory.getLogger(Unpacker.class);

  /** Begins the keys of layers being unpacked; recovery removes what it finds of them. */
  static final String KEY_PREFIX = "extract-retain-";

  private static final Duration PATIENCE = Duration.ofMinutes(15);

  private final SnapshotService snapshots;
  private final ContentService content;
  private final LayerSnapshots under;
  private final DiffService diffs;
  private final KeyLocks locks = new KeyLocks();

  Unpacker(SnapshotService snapshots, ContentService content, DiffService diffs) {
    this.snapshots = snapshots;
    this.content = content;
    this.under = new LayerSnapshots(snapshots);
    this.diffs = diffs;
  }

  /** Keeps two unpackings of one image apart: the second finds the work done. */
  KeyLocks.Held hold(String namespace, ImageFacts facts) {
    return locks.hold("unpacking of " + namespace + "/" + facts.chainId(), PATIENCE);
  }

  /** Whether the image's root file system is there. */
  boolean isUnpacked(String namespace, ImageFacts facts) {
    return facts.chainIds().isEmpty() || snapshots.isCommitted(namespace, facts.chainId());
  }

  /**
   * Begins to unpack an image: intends the layers that are not committed yet.
   *
   * @return one for each layer of the image, empty for those that are; to be committed or discarded
   */
  List<Optional<LayerSnapshots.Layer>> begin(Scope scope, ImageFacts facts) {
    List<Optional<LayerSnapshots.Layer>> all = new ArrayList<>();
    for (int i = 0; i < facts.layers().size(); i++) {
      String chainId = facts.chainIds().get(i);
      String parent = i == 0 ? "" : facts.chainIds().get(i - 1);
      all.add(
          snapshots.isCommitted(scope.namespace(), chainId)
              ? Optional.empty()
              : Optional.of(new LayerSnapshots.Layer(newKey(chainId), chainId, parent)));
    }
    under.intend(scope, all.stream().flatMap(Optional::stream).toList());
    return all;
  }

  private static String newKey(String chainId) {
    return KEY_PREFIX + UUID.randomUUID() + " " + chainId;
  }

  /**
   * Unpacks one layer that was begun, whose blob is there.
   *
   * @throws Refusal failed precondition, where it is not what the image's config says
   */
  void unpack(Scope scope, ImageFacts facts, int number, LayerSnapshots.Layer begun) {
    Path folder = under.folder(scope, begun);
    Digest layer = Digest.parse(facts.layers().get(number).getDigest());
    AppliedLayer applied = diffs.unpack(scope.namespace(), layer, folder);
    require(facts, number, applied.diffId());
  }

  /** Commits what was unpacked, lowest layer first. */
  void commit(Scope scope, List<LayerSnapshots.Layer> layers) {
    under.commit(scope, layers);
  }

  /**
   * Takes back what was begun and will not be committed; of what is not there, nothing. Does not
   * throw, for it follows a failure that is the one to tell: what stays goes with the next start.
   */
  void discard(Scope scope, List<LayerSnapshots.Layer> layers) {
    for (LayerSnapshots.Layer layer : layers) {
      try {
        snapshots.removeIfThere(scope, layer.key());
      } catch (Refusal e) {
        LOG.warn("the unpacked layer {} stays until the next start: {}", layer.key(), e.sentence());
      }
    }
  }

  /** The label by which a config holds its image's top snapshot. */
  String gcLabel() {
    return GcLabels.SNAPSHOTS + snapshots.snapshotter();
  }

  /** Whether layers may be unpacked in any order; else {@link #ensure} does it, in theirs. */
  boolean inAnyOrder() {
    return snapshots.holdsDifferences();
  }

  /** Each layer onto a copy of those below it, committed before the next begins. */
  private void inOrder(Scope scope, ImageFacts facts) {
    for (int i = 0; i < facts.layers().size(); i++) {
      String chainId = facts.chainIds().get(i);
      if (snapshots.isCommitted(scope.namespace(), chainId)) {
        continue;
      }
      String key = newKey(chainId);
      String parent = i == 0 ? "" : facts.chainIds().get(i - 1);
      boolean done = false;
      try {
        List<Mount> mounts = snapshots.prepare(scope, key, parent, Map.of());
        Descriptor applied = diffs.apply(scope.namespace(), facts.layers().get(i), mounts);
        require(facts, i, applied.getDigest());
        commit(scope, List.of(new LayerSnapshots.Layer(key, chainId, parent)));
        done = true;
      } finally {
        if (!done) {
          snapshots.removeIfThere(scope, key);
        }
      }
    }
  }

  private static void require(ImageFacts facts, int number, String diffId) {
    String expected = facts.config().diffIds().get(number);
    if (!diffId.equals(expected)) {
      throw Refusal.failedPrecondition(
          "layer "
              + facts.layers().get(number).getDigest()
              + " unpacks to "
              + diffId
              + " where the image's config says "
              + expected
              + "; the image is damaged, push it again");
    }
  }

  /** As {@link #ensure}, for as long as the image is there. */
  void ensureHeld(Scope scope, ImageFacts facts) {
    content.adopt(scope, Digest.parse(facts.id()), Map.of(gcLabel(), facts.chainId()));
    ensure(scope, facts);
  }

  /** Unpacks an image whose layers are all there; nothing to do where it is unpacked. */
  void ensure(Scope scope, ImageFacts facts) {
    if (isUnpacked(scope.namespace(), facts)) {
      return;
    }
    try (KeyLocks.Held held = hold(scope.namespace(), facts)) {
      if (!inAnyOrder()) {
        inOrder(scope, facts);
        return;
      }
      List<Optional<LayerSnapshots.Layer>> begun = begin(scope, facts);
      List<LayerSnapshots.Layer> layers = begun.stream().flatMap(Optional::stream).toList();
      boolean done = false;
      try {
        for (int i = 0; i < begun.size(); i++) {
          if (begun.get(i).isPresent()) {
            unpack(scope, facts, i, begun.get(i).get());
          }
        }
        commit(scope, layers);
        done = true;
      } finally {
        if (!done) {
          discard(scope, layers);
        }
      }
    }
  }
}
