package dev.retainerd.store.fold;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import dev.retainerd.store.snapshot.SnapshotDamagedException;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateEntries;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** A fold that begins at a snapshot gives what a fold of everything gives, byte by byte. */
class SnapshotPropertyTest {
  private static final byte[] HEAD = new byte[32];

  @Property(tries = 6)
  void atEveryCutSnapshotAndRestGiveTheBytesOfAll(@ForAll long seed) throws Exception {
    Path dir = Files.createTempDirectory("snapshots");
    try {
      SnapshotFolder folder = new SnapshotFolder(dir);
      List<RandomHistory.Recorded> history = new RandomHistory(seed).of(500);
      List<String> whole = content(folded(history));
      NodeState prefix = NodeState.inMemory();
      for (int cut = 0; cut <= history.size(); cut++) {
        if (cut > 0) {
          apply(history.subList(cut - 1, cut), prefix);
        }
        StateSnapshot written = folder.write("node", cut, HEAD, "schema", StateEntries.of(prefix));
        assertArrayEquals(written.contentHash(), folder.check(cut).contentHash());
        NodeState resumed = loaded(folder, cut);
        assertEquals(content(prefix), content(resumed));
        apply(history.subList(cut, history.size()), resumed);
        assertEquals(whole, content(resumed), "cut at " + cut);
        folder.delete(cut);
      }
    } finally {
      Files.deleteIfExists(dir);
    }
  }

  @Property(tries = 60)
  void whateverByteIsChangedOrCutOffItIsNoticed(@ForAll long seed) throws Exception {
    Path dir = Files.createTempDirectory("snapshots");
    SnapshotFolder folder = new SnapshotFolder(dir);
    try {
      NodeState state = folded(new RandomHistory(seed).of(300));
      StateSnapshot written = folder.write("node", 9, HEAD, "schema", StateEntries.of(state));
      byte[] bytes = Files.readAllBytes(written.file());
      int at = (int) Math.floorMod(seed, bytes.length);
      byte[] flipped = bytes.clone();
      flipped[at] ^= (byte) (1 << Math.floorMod(seed >>> 32, 8));
      Files.write(written.file(), flipped);
      assertNotTaken(folder, written);
      Files.write(written.file(), java.util.Arrays.copyOf(bytes, at));
      assertNotTaken(folder, written);
      Path aside = folder.setAside(9);
      assertTrue(Files.exists(aside) && folder.sequences().isEmpty());
      Files.delete(aside);
      Files.delete(aside.getParent());
    } catch (java.nio.file.DirectoryNotEmptyException otherRunsBeside) {
      // set-aside lies beside the folder, in the temporary folder that others use as well.
      assertTrue(Files.exists(dir));
    } finally {
      folder.delete(9);
      Files.deleteIfExists(dir);
    }
  }

  /** A bit that means nothing to zstd may be another one: then the content is the same. */
  private static void assertNotTaken(SnapshotFolder folder, StateSnapshot written)
      throws IOException {
    try {
      assertTrue(folder.check(9).isNamedBy(written.contentHash()));
    } catch (SnapshotDamagedException e) {
      assertTrue(e.getMessage().contains("cannot be used"), e.getMessage());
    }
  }

  @Property(tries = 1)
  void aFileUnderAnotherNameIsNotTakenForThatSequence() throws Exception {
    Path dir = Files.createTempDirectory("snapshots");
    SnapshotFolder folder = new SnapshotFolder(dir);
    folder.write("node", 7, HEAD, "schema", StateEntries.of(NodeState.inMemory()));
    Files.move(folder.file(7), folder.file(8));
    assertThrows(SnapshotDamagedException.class, () -> folder.check(8));
    assertThrows(SnapshotDamagedException.class, () -> folder.check(7));
    folder.delete(8);
    Files.delete(dir);
  }

  private static NodeState folded(List<RandomHistory.Recorded> history) {
    NodeState state = NodeState.inMemory();
    apply(history, state);
    return state;
  }

  private static void apply(List<RandomHistory.Recorded> history, NodeState state) {
    for (RandomHistory.Recorded r : history) {
      state.apply(r.header().sequence(), Fold.fold(state, r.header(), r.event()));
    }
  }

  private static NodeState loaded(SnapshotFolder folder, long sequence) throws Exception {
    NodeState state = NodeState.inMemory();
    List<Delta<?>> entries = new ArrayList<>();
    folder.read(sequence, (kind, path, value) -> entries.add(put(kind, path, value)));
    state.apply(sequence, entries);
    return state;
  }

  private static <T extends Message> Delta<T> put(Kind<T> kind, String path, byte[] value) {
    return Delta.put(Key.ofPath(kind, path), kind.parse(value));
  }

  private static List<String> content(NodeState state) {
    List<String> all = new ArrayList<>();
    StateEntries.of(state)
        .forEach((kind, path, value) -> all.add(kind + path + HexFormat.of().formatHex(value)));
    return all;
  }
}
