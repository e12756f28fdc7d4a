package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.chronicle.RetainedGenerations;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.files.Archiving;
import dev.retainerd.eventlog.proto.StateSnapshotTakenPayload;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The store is rebuilt from the newest sound snapshot and the events behind it. */
class SnapshotRebuildTest {
  @TempDir Path dir;
  private ChronicleEventLog log;
  private CatchUp opened;
  private int containers;

  @BeforeEach
  void open() throws Exception {
    log =
        ChronicleEventLog.open(
            LogOptions.standard(dir.resolve("log"))
                .withSizes(1 << 20, 1L << 30, 1L << 20)
                .withCheckpoints(Optional.empty()));
    log.append(List.of(CatchUpTest.draft(CatchUpTest.namespace("k8s.io"))));
    log.force();
    reopen();
  }

  @AfterEach
  void close() {
    opened.store().close();
    log.close();
  }

  private void reopen() throws IOException {
    if (opened != null) {
      opened.store().close();
    }
    opened = CatchUp.open(dir.resolve("store"), log);
  }

  private SnapshotFolder folder() {
    return SnapshotFolder.of(dir.resolve("log"));
  }

  private void write(int events) throws IOException {
    for (int i = 0; i < events; i++) {
      log.append(List.of(CatchUpTest.draft(CatchUpTest.container("c" + containers++))));
    }
    log.force();
    reopen();
  }

  /** As the daemon does it: the file first, then the event that names it. */
  private StateSnapshot snapshot(boolean recorded) throws IOException {
    StateSnapshot taken =
        opened
            .store()
            .standingStill(
                (sequence, entries) ->
                    folder()
                        .write(
                            log.status().nodeId(),
                            sequence,
                            new byte[32],
                            CatchUp.schema(),
                            entries));
    if (recorded) {
      log.append(
          List.of(
              CatchUpTest.draft(
                  new Event.StateSnapshotTaken(
                      StateSnapshotTakenPayload.newBuilder()
                          .setSequence(taken.sequence())
                          .setContentHash(ByteString.copyFrom(taken.contentHash()))
                          .setFile(taken.file().getFileName().toString())
                          .build()))));
      log.force();
      reopen();
    }
    return taken;
  }

  /** Without the note that the store was deleted, which these tests do themselves. */
  private List<LogDamage> damages() {
    return opened.passedOver().stream().filter(d -> !d.what().equals("store")).toList();
  }

  private TreeMap<String, String> content() {
    TreeMap<String, String> all = new TreeMap<>();
    opened
        .store()
        .forEachStored(
            (kind, path, value) -> all.put(kind + " " + path, HexFormat.of().formatHex(value)));
    return all;
  }

  private void rebuild() throws IOException {
    opened.store().close();
    opened = null;
    try (Stream<Path> tree = Files.walk(dir.resolve("store"))) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
    reopen();
  }

  private void damage(long sequence) throws IOException {
    byte[] bytes = Files.readAllBytes(folder().file(sequence));
    bytes[bytes.length / 2] ^= 0x40;
    bytes[bytes.length / 3] ^= 0x04;
    Files.write(folder().file(sequence), bytes);
  }

  @Test
  void theNewestSnapshotAndTheRestGiveTheBytesOfTheWholeLog() throws Exception {
    write(50);
    snapshot(true);
    write(50);
    StateSnapshot newest = snapshot(true);
    write(30);
    TreeMap<String, String> whole = content();
    rebuild();
    assertEquals(log.lastSequence() - newest.sequence(), opened.caughtUp());
    assertEquals(List.of(), damages());
    assertEquals(whole, content());
    assertEquals(130, opened.state().count(Kind.CONTAINER));
    assertTrue(opened.state().get(Kind.SPEC.key("k8s.io", "c3")).isPresent());
    reopen();
    assertEquals(0, opened.caughtUp());
    assertEquals(whole, content());
  }

  @Test
  void aDamagedSnapshotIsSetAsideAndAnOlderOneThenTheWholeLogTakesItsPlace() throws Exception {
    write(20);
    StateSnapshot older = snapshot(true);
    write(20);
    StateSnapshot newer = snapshot(true);
    write(20);
    TreeMap<String, String> whole = content();
    damage(newer.sequence());
    rebuild();
    assertEquals(log.lastSequence() - older.sequence(), opened.caughtUp());
    assertEquals(whole, content());
    LogDamage damage = damages().getFirst();
    assertEquals("snapshot", damage.what());
    assertTrue(Files.exists(Path.of(damage.setAsideTo())), damage::toString);
    assertFalse(Files.exists(newer.file()));
    damage(older.sequence());
    rebuild();
    assertEquals(log.lastSequence(), opened.caughtUp());
    assertEquals(whole, content());
  }

  @Test
  void aSnapshotThatNoEventNamesOrThatIsNotTheNamedOneIsNotUsed() throws Exception {
    write(20);
    StateSnapshot unrecorded = snapshot(false);
    write(20);
    TreeMap<String, String> whole = content();
    rebuild();
    assertEquals(log.lastSequence(), opened.caughtUp());
    assertTrue(Files.exists(unrecorded.file()));
    StateSnapshot named = snapshot(true);
    // Sound in itself, of the right sequence, and forged.
    folder()
        .write(log.status().nodeId(), named.sequence(), new byte[32], CatchUp.schema(), v -> {});
    rebuild();
    assertEquals(log.lastSequence(), opened.caughtUp());
    assertTrue(damages().getFirst().detail().contains("not the one that the log names"));
    whole.remove("node \0node");
    TreeMap<String, String> now = content();
    now.remove("node \0node");
    assertEquals(whole, now);
  }

  @Test
  void aFillingThatWasCutShortIsNotTakenForAStore() throws Exception {
    write(20);
    snapshot(true);
    TreeMap<String, String> whole = content();
    opened.store().close();
    opened = null;
    try (Stream<Path> tree = Files.walk(dir.resolve("store"))) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
    RocksStore half =
        RocksStore.open(dir.resolve("store"), CatchUp.schema(), log.status().nodeId());
    half.apply(
        0,
        List.of(
            dev.retainerd.store.state.Delta.put(
                Kind.NAMESPACE.key("", "half"),
                dev.retainerd.store.proto.NamespaceEntry.getDefaultInstance())));
    half.close();
    reopen();
    assertTrue(opened.setAside().orElseThrow().reason().contains("not filled to its end"));
    assertEquals(whole, content());
  }

  @Test
  void aLogWithoutItsBeginningIsFoldedFromTheSnapshotThatIsKept() throws Exception {
    write(40);
    log.rollSoon();
    StateSnapshot base = snapshot(true);
    write(40);
    TreeMap<String, String> whole = content();
    Path old = dir.resolve("old");
    opened.store().close();
    Files.move(dir.resolve("store"), old);
    opened = null;
    RetainedGenerations.Part first = log.retained().parts().getFirst();
    assertEquals(base.sequence(), first.lastSequence());
    log.retained().remove(first.number(), Archiving.Boundary.NONE);
    assertEquals(base.sequence() + 1, log.firstSequence());
    reopen();
    assertEquals(whole, content());
    assertEquals(List.of(), damages());
    // Without it the daemon starts all the same, and says what it does not know.
    damage(base.sequence());
    rebuild();
    assertTrue(
        opened.passedOver().stream().anyMatch(d -> d.detail().contains("no snapshot of the state")),
        opened.passedOver()::toString);
  }
}
