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

/**
 * Turns an image's layers into committed snapshots, named by their chain ids. Layers are unpacked
 * in any order, side by side, and committed together once all of them verified. Thread-safe.
 */
final class Unpacker {
  /** Begins the keys of layers being unpacked; recovery removes what it finds of them. */
  static final String KEY_PREFIX = "extract-retain-";

  private static final Duration PATIENCE = Duration.ofMinutes(15);

  private final SnapshotService snapshots;
  private final DiffService diffs;
  private final KeyLocks locks = new KeyLocks();

  Unpacker(SnapshotService snapshots, DiffService diffs) {
    this.snapshots = snapshots;
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
   * Unpacks one layer, whose blob is there.
   *
   * @return the layer to commit, or empty where it is committed already
   * @throws Refusal failed precondition, where it is not what the image's config says
   */
  Optional<SnapshotService.Layer> unpack(Scope scope, ImageFacts facts, int number) {
    String chainId = facts.chainIds().get(number);
    if (snapshots.isCommitted(scope.namespace(), chainId)) {
      return Optional.empty();
    }
    String parent = number == 0 ? "" : facts.chainIds().get(number - 1);
    String key = KEY_PREFIX + UUID.randomUUID() + " " + chainId;
    Path folder = snapshots.prepareLayer(scope, key, parent);
    boolean done = false;
    try {
      Digest layer = Digest.parse(facts.layers().get(number).getDigest());
      AppliedLayer applied = diffs.unpack(scope.namespace(), layer, folder);
      require(facts, number, applied.diffId());
      done = true;
      return Optional.of(new SnapshotService.Layer(key, chainId, Map.of()));
    } finally {
      if (!done) {
        snapshots.removeIfThere(scope, key);
      }
    }
  }

  /** Commits what was unpacked, lowest layer first. */
  void commit(Scope scope, List<SnapshotService.Layer> layers) {
    snapshots.commitLayers(scope, layers);
  }

  /** Takes back what was unpacked and will not be committed. */
  void discard(Scope scope, List<SnapshotService.Layer> layers) {
    layers.forEach(layer -> snapshots.removeIfThere(scope, layer.key()));
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
      String key = KEY_PREFIX + UUID.randomUUID() + " " + chainId;
      boolean done = false;
      try {
        List<Mount> mounts =
            snapshots.prepare(scope, key, i == 0 ? "" : facts.chainIds().get(i - 1), Map.of());
        Descriptor applied = diffs.apply(scope.namespace(), facts.layers().get(i), mounts);
        require(facts, i, applied.getDigest());
        commit(scope, List.of(new SnapshotService.Layer(key, chainId, Map.of())));
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
      List<SnapshotService.Layer> unpacked = new ArrayList<>();
      boolean done = false;
      try {
        for (int i = 0; i < facts.layers().size(); i++) {
          unpack(scope, facts, i).ifPresent(unpacked::add);
        }
        commit(scope, unpacked);
        done = true;
      } finally {
        if (!done) {
          discard(scope, unpacked);
        }
      }
    }
  }
}
