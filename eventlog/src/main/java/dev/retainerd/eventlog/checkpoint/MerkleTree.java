package dev.retainerd.eventlog.checkpoint;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/** The Merkle tree of RFC 6962 over hashes of events. */
public final class MerkleTree {
  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  private MerkleTree() {}

  /** The root over these leaves, in order; over none, the hash of nothing. */
  public static byte[] root(List<byte[]> leaves) {
    return leaves.isEmpty() ? sha256().digest() : root(leaves, 0, leaves.size());
  }

  private static byte[] root(List<byte[]> leaves, int from, int to) {
    MessageDigest digest = sha256();
    if (to - from == 1) {
      digest.update(LEAF);
      return digest.digest(leaves.get(from));
    }
    // The left part is the largest power of two that leaves something on the right.
    int left = Integer.highestOneBit(to - from - 1);
    byte[] first = root(leaves, from, from + left);
    byte[] second = root(leaves, from + left, to);
    digest.update(NODE);
    digest.update(first);
    return digest.digest(second);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
