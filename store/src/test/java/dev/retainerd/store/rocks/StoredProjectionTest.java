package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredProjectionTest {
  @TempDir Path folder;

  private static Delta<TaskEntry> task(String id) {
    return Delta.put(
        Kind.TASK.key("ns", id),
        TaskEntry.newBuilder().setContainerId(id).setPhase(TaskPhase.TASK_PHASE_RUNNING).build());
  }

  @Test
  void itIsReadBesideItsDaemonAndNothingIsWritten() throws Exception {
    Path place = folder.resolve("store");
    try (RocksStore store = RocksStore.open(place, CatchUp.schema(), "node-1")) {
      store.apply(7, List.of(task("a"), task("b")));
      store.flush();
      store.apply(8, List.of(task("c")));
      Map<String, FileTime> before = listing(place);
      try (StoredProjection read = StoredProjection.open(place)) {
        assertEquals(7, read.appliedSequence());
        assertEquals("node-1", read.nodeId());
        Map<String, byte[]> found = new TreeMap<>();
        read.forEachStored((kind, path, value) -> found.put(kind + " " + path, value));
        assertEquals(2, found.size());
        assertTrue(StoredProjection.same(task("a").entry().orElseThrow(), found.get("task ns\0a")));
      }
      assertEquals(before, listing(place));
    }
  }

  @Test
  void whatIsNoStoreOrOfAnotherSchemaIsRefused() throws Exception {
    assertThrows(StoreException.class, () -> StoredProjection.open(folder.resolve("nowhere")));
    Path place = folder.resolve("store");
    RocksStore.open(place, "another", "node-1").close();
    StoreException refused = assertThrows(StoreException.class, () -> StoredProjection.open(place));
    assertTrue(refused.getMessage().contains("another schema"), refused.getMessage());
  }

  private static Map<String, FileTime> listing(Path folder) throws IOException {
    Map<String, FileTime> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.toList()) {
        all.put(file.toString(), (FileTime) Files.getAttribute(file, "unix:ctime"));
      }
    }
    return all;
  }
}
