package dev.retainerd.eventlog.checkpoint;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** The Merkle tree of RFC 6962 over hashes of events. */
public final class MerkleTree {
  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  private MerkleTree() {}

  /** The root over these leaves, in order; over none, the hash of nothing. */
  public static byte[] root(List<byte[]> leaves) {
    return leaves.isEmpty() ? sha256().digest() : new Hashing().root(leaves, 0, leaves.size());
  }

  /** One digest and one buffer for a whole tree: most of the time goes into calls otherwise. */
  private static final class Hashing {
    private final MessageDigest digest = sha256();
    private byte[] buffer = new byte[65];

    byte[] root(List<byte[]> leaves, int from, int to) {
      if (to - from == 1) {
        return hash(LEAF, leaves.get(from), new byte[0]);
      }
      // The left part is the largest power of two that leaves something on the right.
      int left = Integer.highestOneBit(to - from - 1);
      byte[] first = root(leaves, from, from + left);
      return hash(NODE, first, root(leaves, from + left, to));
    }

    private byte[] hash(byte kind, byte[] first, byte[] second) {
      int length = 1 + first.length + second.length;
      if (length > buffer.length) {
        buffer = new byte[length];
      }
      buffer[0] = kind;
      System.arraycopy(first, 0, buffer, 1, first.length);
      System.arraycopy(second, 0, buffer, 1 + first.length, second.length);
      digest.update(buffer, 0, length);
      return digest.digest();
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
