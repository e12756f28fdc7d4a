package dev.retainerd.eventlog.checkpoint;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** The Merkle tree of RFC 6962 over hashes of events. */
public final class MerkleTree {
  private static final int HASH_BYTES = 32;
  private static final int NODE_BYTES = 1 + 2 * HASH_BYTES;
  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  private MerkleTree() {}

  /** The root over these leaves, in order; over none, the hash of nothing. */
  public static byte[] root(List<byte[]> leaves) {
    return leaves.isEmpty() ? sha256().digest() : new Hashing().root(leaves, 0, leaves.size());
  }

  /** The root over leaves of 32 bytes that stand one behind the other, one at least. */
  public static byte[] root(byte[] leaves, int count) {
    return new Hashing().root(leaves, count);
  }

  /**
   * Hashes a whole tree level by level, within one array: most of the time goes into calls and
   * copies otherwise. A node without a neighbour goes up as it is, which comes to the same tree as
   * halving at the largest power of two. Not thread-safe.
   */
  private static final class Hashing {
    private final MessageDigest digest = sha256();
    private byte[] buffer = new byte[NODE_BYTES];
    private byte[] level = new byte[0];

    /** The root over some of these leaves, one at least. */
    byte[] root(List<byte[]> leaves, int from, int to) {
      int nodes = to - from;
      if (level.length < nodes * HASH_BYTES) {
        level = new byte[nodes * HASH_BYTES];
      }
      for (int i = 0; i < nodes; i++) {
        byte[] leaf = leaves.get(from + i);
        if (1 + leaf.length > buffer.length) {
          buffer = new byte[1 + leaf.length];
        }
        buffer[0] = LEAF;
        System.arraycopy(leaf, 0, buffer, 1, leaf.length);
        hash(1 + leaf.length, i);
      }
      return upwards(nodes);
    }

    byte[] root(byte[] leaves, int count) {
      level = new byte[count * HASH_BYTES];
      buffer[0] = LEAF;
      for (int i = 0; i < count; i++) {
        System.arraycopy(leaves, i * HASH_BYTES, buffer, 1, HASH_BYTES);
        hash(1 + HASH_BYTES, i);
      }
      return upwards(count);
    }

    private byte[] upwards(int leaves) {
      buffer[0] = NODE;
      for (int nodes = leaves; nodes > 1; nodes = (nodes + 1) / 2) {
        for (int i = 0; i < nodes / 2; i++) {
          System.arraycopy(level, 2 * i * HASH_BYTES, buffer, 1, 2 * HASH_BYTES);
          hash(NODE_BYTES, i);
        }
        if (nodes % 2 == 1) {
          System.arraycopy(
              level, (nodes - 1) * HASH_BYTES, level, nodes / 2 * HASH_BYTES, HASH_BYTES);
        }
      }
      return Arrays.copyOf(level, HASH_BYTES);
    }

    /** Puts the hash of the buffer's beginning into a place of the level. */
    private void hash(int length, int place) {
      digest.update(buffer, 0, length);
      try {
        digest.digest(level, place * HASH_BYTES, HASH_BYTES);
      } catch (DigestException e) {
        throw new IllegalStateException("a SHA-256 takes more than 32 bytes", e);
      }
    }
  }

  /**
   * What somebody who has only the chosen leaves needs to come to the same root: the roots of the
   * largest subtrees that hold none of them, from left to right. Empty where all are chosen.
   */
  public static List<byte[]> proof(List<byte[]> leaves, BitSet chosen) {
    List<byte[]> proof = new ArrayList<>();
    if (!leaves.isEmpty()) {
      prove(leaves, chosen, 0, leaves.size(), proof);
    }
    return proof;
  }

  private static void prove(
      List<byte[]> leaves, BitSet chosen, int from, int to, List<byte[]> proof) {
    int next = chosen.nextSetBit(from);
    if (next < 0 || next >= to) {
      proof.add(new Hashing().root(leaves, from, to));
    } else if (to - from > 1) {
      int left = Integer.highestOneBit(to - from - 1);
      prove(leaves, chosen, from, from + left, proof);
      prove(leaves, chosen, from + left, to, proof);
    }
  }

  /**
   * The root that the chosen leaves and their {@link #proof} lead to.
   *
   * @param size how many leaves the tree has
   * @param chosen which of them are given
   * @param leaves those, in order
   * @return empty where proof or leaves are too many or too few for such a tree
   */
  public static Optional<byte[]> rootOf(
      int size, BitSet chosen, List<byte[]> leaves, List<byte[]> proof) {
    if (size < 1 || chosen.length() > size || chosen.cardinality() != leaves.size()) {
      return Optional.empty();
    }
    Iterator<byte[]> given = leaves.iterator();
    Iterator<byte[]> rest = proof.iterator();
    Optional<byte[]> root = rebuild(chosen, 0, size, given, rest);
    return given.hasNext() || rest.hasNext() ? Optional.empty() : root;
  }

  private static Optional<byte[]> rebuild(
      BitSet chosen, int from, int to, Iterator<byte[]> given, Iterator<byte[]> rest) {
    int next = chosen.nextSetBit(from);
    if (next < 0 || next >= to) {
      return rest.hasNext() ? Optional.of(rest.next()) : Optional.empty();
    }
    MessageDigest digest = sha256();
    if (to - from == 1) {
      digest.update(LEAF);
      return Optional.of(digest.digest(given.next()));
    }
    int left = Integer.highestOneBit(to - from - 1);
    Optional<byte[]> first = rebuild(chosen, from, from + left, given, rest);
    Optional<byte[]> second = rebuild(chosen, from + left, to, given, rest);
    if (first.isEmpty() || second.isEmpty()) {
      return Optional.empty();
    }
    digest.update(NODE);
    digest.update(first.get());
    return Optional.of(digest.digest(second.get()));
  }

  /**
   * The same tree over leaves that come one by one, in memory that grows with the logarithm of
   * their number. Not thread-safe.
   */
  public static final class Growing {
    /** Roots of whole subtrees, larger ones first; the bits of the size say how large. */
    private final ArrayDeque<byte[]> whole = new ArrayDeque<>();

    private final MessageDigest digest = sha256();
    private long size;

    /** Adds a leaf behind those that are there. */
    public void add(byte[] leaf) {
      digest.update(LEAF);
      byte[] node = digest.digest(leaf);
      for (long bits = size; (bits & 1) == 1; bits >>= 1) {
        node = node(whole.removeLast(), node);
      }
      whole.addLast(node);
      size++;
    }

    private byte[] node(byte[] left, byte[] right) {
      digest.update(NODE);
      digest.update(left);
      return digest.digest(right);
    }

    /** How many leaves there are. */
    public long size() {
      return size;
    }

    /** The root over them; over none, the hash of nothing. */
    public byte[] root() {
      if (whole.isEmpty()) {
        return digest.digest();
      }
      Iterator<byte[]> smallestFirst = whole.descendingIterator();
      byte[] root = smallestFirst.next();
      while (smallestFirst.hasNext()) {
        root = node(smallestFirst.next(), root);
      }
      return root.clone();
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
