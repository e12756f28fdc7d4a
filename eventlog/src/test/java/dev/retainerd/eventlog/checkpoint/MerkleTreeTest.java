package dev.retainerd.eventlog.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MerkleTreeTest {
  private static List<byte[]> leaves(int count) {
    return IntStream.range(0, count).mapToObj(i -> new byte[] {(byte) i, (byte) (i >> 8)}).toList();
  }

  private static List<byte[]> of(List<byte[]> leaves, BitSet chosen) {
    return chosen.stream().mapToObj(leaves::get).toList();
  }

  @Test
  void everyChoiceOfLeavesOfSmallTreesLeadsToTheRoot() {
    for (int size = 1; size <= 9; size++) {
      List<byte[]> leaves = leaves(size);
      byte[] root = MerkleTree.root(leaves);
      for (long choice = 1; choice < 1L << size; choice++) {
        BitSet chosen = BitSet.valueOf(new long[] {choice});
        List<byte[]> proof = MerkleTree.proof(leaves, chosen);
        assertArrayEquals(
            root, MerkleTree.rootOf(size, chosen, of(leaves, chosen), proof).orElseThrow());
      }
    }
  }

  @Test
  void aChangedLeafOrHashOrAMissingOneDoesNotLeadThere() {
    Random random = new Random(3);
    List<byte[]> leaves = leaves(777);
    byte[] root = MerkleTree.root(leaves);
    BitSet chosen = new BitSet();
    IntStream.range(0, 60).forEach(i -> chosen.set(random.nextInt(777)));
    List<byte[]> given = of(leaves, chosen);
    List<byte[]> proof = MerkleTree.proof(leaves, chosen);
    assertTrue(proof.size() < 600, "a proof is shorter than the leaves it stands for");
    for (int i = 0; i < given.size() + proof.size(); i++) {
      List<byte[]> leavesThen = new ArrayList<>(given);
      List<byte[]> proofThen = new ArrayList<>(proof);
      List<byte[]> list = i < given.size() ? leavesThen : proofThen;
      int at = i < given.size() ? i : i - given.size();
      byte[] other = list.get(at).clone();
      other[0] ^= 1;
      list.set(at, other);
      assertFalse(leads(root, chosen, leavesThen, proofThen));
      list.remove(at);
      assertFalse(leads(root, chosen, leavesThen, proofThen));
    }
    proof.add(new byte[32]);
    assertFalse(leads(root, chosen, given, proof), "a hash too many");
  }

  private static boolean leads(
      byte[] root, BitSet chosen, List<byte[]> leaves, List<byte[]> proof) {
    return MerkleTree.rootOf(777, chosen, leaves, proof)
        .filter(found -> Arrays.equals(found, root))
        .isPresent();
  }
}
