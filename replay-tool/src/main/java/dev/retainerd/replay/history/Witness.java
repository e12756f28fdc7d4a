package dev.retainerd.replay.history;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What was signed of a history.
 *
 * @param checkpoints the notes, one after the other; empty where there are none
 * @param key the public key in its text form; empty where it is missing
 * @param proofs by a checkpoint's last sequence: what its Merkle root takes beside the events at
 *     hand
 */
public record Witness(
    Optional<byte[]> checkpoints, Optional<String> key, Map<Long, List<byte[]>> proofs) {
  /** Nothing was signed. */
  public static final Witness NONE = new Witness(Optional.empty(), Optional.empty(), Map.of());
}
