package dev.retainerd.replay.evidence;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.eventlog.checkpoint.MerkleTree;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Makes the proofs of the events chosen while all events come by. Keeps one checkpoint's hashes at
 * a time. Not thread-safe.
 */
final class ProofBuilder {
  /** A checkpoint that covers chosen events, and what its root takes beside them. */
  record Proof(Checkpoint checkpoint, List<byte[]> hashes) {}

  private final List<Checkpoint> checkpoints;
  private final List<Proof> proofs = new ArrayList<>();
  private final List<byte[]> leaves = new ArrayList<>();
  private BitSet chosen = new BitSet();
  private int at;

  ProofBuilder(List<Checkpoint> checkpoints) {
    this.checkpoints = checkpoints;
  }

  void take(Envelope envelope, boolean wanted) {
    while (at < checkpoints.size() && checkpoints.get(at).lastSequence() < envelope.sequence()) {
      close();
    }
    if (at == checkpoints.size() || envelope.sequence() < checkpoints.get(at).firstSequence()) {
      return;
    }
    if (wanted) {
      chosen.set(leaves.size());
    }
    leaves.add(envelope.hash());
    if (envelope.sequence() == checkpoints.get(at).lastSequence()) {
      close();
    }
  }

  /** A checkpoint of which not all events were seen proves nothing here, and is left out. */
  private void close() {
    Checkpoint one = checkpoints.get(at);
    if (!chosen.isEmpty() && one.covers(leaves)) {
      proofs.add(new Proof(one, MerkleTree.proof(leaves, chosen)));
    }
    at++;
    leaves.clear();
    chosen = new BitSet();
  }

  List<Proof> end() {
    return proofs;
  }
}
