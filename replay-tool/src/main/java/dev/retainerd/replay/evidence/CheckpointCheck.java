package dev.retainerd.replay.evidence;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.eventlog.checkpoint.MerkleTree;
import dev.retainerd.eventlog.checkpoint.VerifierKey;
import dev.retainerd.replay.history.Witness;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Holds signed checkpoints against events as they come by. Keeps the hashes of one checkpoint's
 * events at a time. Not thread-safe.
 */
public final class CheckpointCheck {
  private static final int FIRST_BYTES = 4096 * Envelope.HASH_BYTES;

  private final List<Checkpoint> checkpoints;
  private final Map<Long, List<byte[]>> proofs;
  private final boolean outsideWitness;
  private Optional<VerifierKey> key = Optional.empty();

  /** Hashes of events, one behind the other: as objects they would lie all over the memory. */
  private byte[] hashes = new byte[0];

  private int count;
  private BitSet offsets = new BitSet();
  private int at;
  private int held;
  private long covered;
  private long uncovered;
  private String bad = "";

  private CheckpointCheck(
      List<Checkpoint> checkpoints, Map<Long, List<byte[]>> proofs, boolean outsideWitness) {
    this.checkpoints = checkpoints;
    this.proofs = proofs;
    this.outsideWitness = outsideWitness;
  }

  /**
   * A check against what was signed.
   *
   * @param outside whether checkpoints or key were kept apart from the events
   */
  public static CheckpointCheck of(Witness witness, boolean outside) {
    if (witness.checkpoints().isEmpty()) {
      return new CheckpointCheck(List.of(), Map.of(), false);
    }
    try {
      CheckpointCheck check =
          new CheckpointCheck(
              Checkpoint.parseAll(witness.checkpoints().get()), witness.proofs(), outside);
      if (witness.key().isEmpty()) {
        check.bad = "there are signed checkpoints, but the key that they verify with is missing";
      } else {
        check.key = Optional.of(VerifierKey.parse(witness.key().get()));
      }
      return check;
    } catch (EventLogException e) {
      CheckpointCheck broken = new CheckpointCheck(List.of(), Map.of(), outside);
      broken.bad = e.getMessage();
      return broken;
    }
  }

  /** The same check against those checkpoints only that cover any of these events. */
  public CheckpointCheck only(long from, long through) {
    List<Checkpoint> some =
        checkpoints.stream()
            .filter(one -> one.lastSequence() >= from && one.firstSequence() <= through)
            .toList();
    CheckpointCheck check = new CheckpointCheck(some, proofs, outsideWitness);
    check.bad = bad;
    check.key = key;
    return check;
  }

  /** The first event that any of them covers; {@link Long#MAX_VALUE} for none. */
  public long first() {
    return checkpoints.isEmpty() ? Long.MAX_VALUE : checkpoints.getFirst().firstSequence();
  }

  /** The last event that any of them covers; 0 for none. */
  public long last() {
    return checkpoints.isEmpty() ? 0 : checkpoints.getLast().lastSequence();
  }

  private void signature(Checkpoint one) {
    if (bad.isEmpty() && key.isPresent() && !key.get().verifies(one)) {
      bad =
          "the signature of the checkpoint over events "
              + one.firstSequence()
              + " to "
              + one.lastSequence()
              + " is not that of key "
              + key.get().name();
    }
  }

  /** Takes the next event. */
  public void take(EncodedEnvelope event) {
    long sequence = event.sequence();
    while (at < checkpoints.size() && checkpoints.get(at).lastSequence() < sequence) {
      close();
    }
    if (at == checkpoints.size() || sequence < checkpoints.get(at).firstSequence()) {
      uncovered++;
      return;
    }
    if (hashes.length < (count + 1) * Envelope.HASH_BYTES) {
      hashes = Arrays.copyOf(hashes, Math.max(FIRST_BYTES, 2 * hashes.length));
    }
    event.copyHash(hashes, count++ * Envelope.HASH_BYTES);
    if (!proofs.isEmpty()) {
      offsets.set((int) (sequence - checkpoints.get(at).firstSequence()));
    }
    if (sequence == checkpoints.get(at).lastSequence()) {
      close();
    }
  }

  private void close() {
    Checkpoint one = checkpoints.get(at);
    signature(one);
    int size = (int) (one.lastSequence() - one.firstSequence() + 1);
    List<byte[]> proof = proofs.get(one.lastSequence());
    boolean holds =
        proof == null
            ? one.covers(hashes, count)
            : MerkleTree.rootOf(size, offsets, each(), proof)
                .filter(root -> Arrays.equals(root, one.root()))
                .isPresent();
    if (holds) {
      held++;
      covered = one.lastSequence();
    } else {
      missed(one, size);
    }
    at++;
    count = 0;
    offsets = new BitSet();
  }

  private List<byte[]> each() {
    List<byte[]> all = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int from = i * Envelope.HASH_BYTES;
      all.add(Arrays.copyOfRange(hashes, from, from + Envelope.HASH_BYTES));
    }
    return all;
  }

  /** A checkpoint whose first events are no longer retained cannot be held against anything. */
  private void missed(Checkpoint one, int size) {
    boolean cut = count < size && held == 0 && proofs.isEmpty();
    if (bad.isEmpty() && !cut) {
      bad =
          "events "
              + one.firstSequence()
              + " to "
              + one.lastSequence()
              + " are not those that their checkpoint was signed for";
    }
  }

  /** The events have ended; what is wrong, as one sentence, or "". */
  public String end() {
    if (at < checkpoints.size() && proofs.containsKey(checkpoints.get(at).lastSequence())) {
      close();
    }
    checkpoints.stream().skip(at).forEach(this::signature);
    if (bad.isEmpty() && at < checkpoints.size()) {
      bad =
          "the log ends before event "
              + checkpoints.getLast().lastSequence()
              + ", up to which checkpoints were signed: its end was cut off";
    }
    return bad;
  }

  /** How many events no checkpoint covers. */
  public long uncovered() {
    return uncovered;
  }

  /** What was proven, as one line; empty where there are no checkpoints. */
  public Optional<String> words() {
    if (checkpoints.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        held
            + (held == 1 ? " signed checkpoint holds" : " signed checkpoints hold")
            + ", up to event "
            + covered
            + (uncovered == 0 ? "" : " (" + uncovered + " events have none yet)")
            + (outsideWitness
                ? ""
                : "; both they and their key lie beside the log, so only a copy kept elsewhere"
                    + " (--checkpoints, --key) shows a history written anew"));
  }
}
