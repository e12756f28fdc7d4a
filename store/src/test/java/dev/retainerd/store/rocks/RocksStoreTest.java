package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.snapshot.EntryBytes;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
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
    assertArrayEquals(EntryBytes.of(one), EntryBytes.of(other));
  }

  @Test
  @Tag("real")
  void aFullDiskStopsNothingAndIsMadeUpForWhenItHasSpace() throws Exception {
    Path mount = Files.createDirectory(folder.resolve("small"));
    run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mount.toString());
    try {
      Path store = mount.resolve("store");
      Path filler = mount.resolve("filler");
      try (RocksStore full = RocksStore.open(store, "1", "node")) {
        full.apply(1, List.of(Delta.put(DEMO, demo("x", "0"))));
        assertThrows(IOException.class, () -> Files.write(filler, new byte[9 << 20]));
        for (int i = 2; i < 12_000; i++) {
          Key<NamespaceEntry> key = Kind.NAMESPACE.key("", "n" + i);
          full.apply(i, List.of(Delta.put(key, demo("x", "y".repeat(900)))));
          assertTrue(full.get(key).isPresent());
        }
        Files.delete(filler);
      }
      try (RocksStore again = RocksStore.open(store, "1", "node")) {
        assertTrue(again.appliedSequence() <= 11_999);
        assertTrue(again.appliedSequence() == 0 || again.get(DEMO).isPresent());
      }
    } finally {
      run("umount", "-l", mount.toString());
    }
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0, command[0]);
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
