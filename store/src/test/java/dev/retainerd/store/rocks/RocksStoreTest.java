package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RocksStoreTest {
  private static final Key<NamespaceEntry> DEMO = Kind.NAMESPACE.key("", "demo");
  private static final Key<SpecEntry> SPEC = Kind.SPEC.key("demo", "web");

  @TempDir Path folder;

  @Test
  void whatWasAppliedIsThereAfterReopening() throws Exception {
    try (RocksStore store = RocksStore.open(folder, "1", "node")) {
      store.apply(7, List.of(Delta.put(DEMO, demo("x", "y")), Delta.put(SPEC, spec())));
    }
    try (RocksStore store = RocksStore.open(folder, "1", "node")) {
      NodeState state = NodeState.withCold(store::get);
      store.loadInto(state);
      assertEquals(7, store.appliedSequence());
      assertEquals(7, state.sequence());
      assertEquals(Optional.of(demo("x", "y")), state.get(DEMO));
      assertEquals(Optional.of(spec()), state.get(SPEC), "cold entries are read through");
      assertEquals(0, state.count(Kind.SPEC), "and are not held in memory");
    }
  }

  @Test
  void removedEntriesAreGone() throws Exception {
    try (RocksStore store = RocksStore.open(folder, "1", "node")) {
      store.apply(1, List.of(Delta.put(DEMO, demo("x", "y"))));
      store.apply(2, List.of(Delta.remove(DEMO)));
      assertEquals(Optional.empty(), store.get(DEMO));
    }
  }

  @Test
  void theSameEntryHasTheSameBytesWhateverTheOrderOfItsMaps() {
    NamespaceEntry one =
        NamespaceEntry.newBuilder().setName("n").putLabels("a", "1").putLabels("b", "2").build();
    NamespaceEntry other =
        NamespaceEntry.newBuilder().setName("n").putLabels("b", "2").putLabels("a", "1").build();
    assertArrayEquals(RocksStore.bytes(one), RocksStore.bytes(other));
  }

  @Test
  void aDamagedStoreSaysSo() throws Exception {
    try (RocksStore store = RocksStore.open(folder, "1", "node")) {
      store.apply(1, List.of(Delta.put(DEMO, demo("x", "y"))));
    }
    try (var files = Files.list(folder)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().startsWith("MANIFEST")).toList()) {
        Files.write(file, new byte[] {1, 2, 3});
      }
    }
    StoreDamagedException e =
        assertThrows(StoreDamagedException.class, () -> RocksStore.open(folder, "1", "node"));
    assertTrue(e.getMessage().contains(folder.toString()), e.getMessage());
  }

  private static NamespaceEntry demo(String key, String value) {
    return NamespaceEntry.newBuilder().setName("demo").putLabels(key, value).build();
  }

  private static SpecEntry spec() {
    return SpecEntry.newBuilder().build();
  }
}
