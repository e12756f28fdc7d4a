package dev.retainerd.runtime.retention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.folders.Folders;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.state.Kind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The keeper on a real log and store: bounds are kept, and what is left folds and verifies. */
class LogKeeperTest {
  private static final Origin SELF = new Origin(Actor.daemon(), "", 0);

  @TempDir Path dir;

  private LogOptions options() {
    return LogOptions.standard(dir.resolve("log"))
        .withSizes(1 << 20, 64 << 10, 1L << 20)
        .withCheckpoints(Optional.empty());
  }

  /** A daemon's core, from start to stop. */
  private final class Core implements AutoCloseable {
    final ChronicleEventLog log = ChronicleEventLog.open(options());
    final CatchUp store = CatchUp.open(dir.resolve("store"), log);
    final Journal journal = new Journal(log, store.state(), store.store()::apply);
    final LogKeeper keeper;

    Core(RetentionPlan.Bounds bounds, long snapshotEveryEvents) throws Exception {
      keeper =
          LogKeeper.start(
              log,
              store.store(),
              journal,
              new LogKeeper.Settings(bounds, snapshotEveryEvents, dir.resolve("log/archive"), SELF),
              Clock.systemUTC());
    }

    void write(int events) {
      for (int i = 0; i < events; i++) {
        journal.commit(
            SELF,
            "",
            new Event.LeftoverRemoved(
                LeftoverRemovedPayload.newBuilder().setDetail("x".repeat(300)).build()));
      }
      journal.commit(
          SELF,
          "",
          new Event.NamespaceCreated(
              NamespaceCreatedPayload.newBuilder().setName("n" + log.lastSequence()).build()));
    }

    TreeMap<String, String> content() {
      TreeMap<String, String> all = new TreeMap<>();
      store
          .store()
          .forEachStored(
              (kind, path, value) -> all.put(kind + path, HexFormat.of().formatHex(value)));
      return all;
    }

    @Override
    public void close() {
      keeper.close();
      journal.close();
      store.store().close();
      log.close();
    }
  }

  private Map<EventType, Integer> walked(long first) {
    Map<EventType, Integer> types = new EnumMap<>(EventType.class);
    long expected = first;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(dir).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        assertTrue(e.get() instanceof LogEntry.Good, e.get()::toString);
        var envelope = ((LogEntry.Good) e.get()).envelope();
        assertEquals(expected++, envelope.sequence());
        types.merge(EventType.of(envelope), 1, Integer::sum);
      }
    }
    return types;
  }

  private void deleteStore() throws Exception {
    Folders.remove(dir.resolve("store"));
  }

  @Test
  void whatGoesIntoTheArchiveIsRecordedReadAndFoldedAsBefore() throws Exception {
    RetentionPlan.Bounds small = new RetentionPlan.Bounds(0, 150 << 10, 0, false, 0, 0);
    TreeMap<String, String> whole;
    int packed;
    try (Core core = new Core(small, 1_000_000)) {
      core.write(1500);
      assertEquals(List.of(), core.keeper.apply(false).done());
      long sequence = core.keeper.snapshot().sequence();
      assertEquals(List.of(sequence), core.keeper.report().snapshots());
      LogKeeper.Outcome outcome = core.keeper.apply(false);
      packed = outcome.done().size();
      assertTrue(packed > 3, outcome::toString);
      assertTrue(outcome.done().getFirst().contains("was archived: "), outcome::toString);
      core.write(100);
      assertEquals(1, core.log.firstSequence());
      whole = core.content();
    }
    Map<EventType, Integer> types = walked(1);
    assertEquals(packed, types.get(EventType.GENERATION_ARCHIVED));
    assertEquals(1, types.get(EventType.STATE_SNAPSHOT_TAKEN));
    deleteStore();
    try (Core core = new Core(small, 1_000_000)) {
      assertTrue(core.store.caughtUp() < 300, "it began at the snapshot");
      assertEquals(whole, core.content());
    }
  }

  @Test
  void whatIsDeletedIsRecordedAndTheRestFoldsFromTheSnapshotThatWasKept() throws Exception {
    RetentionPlan.Bounds small = new RetentionPlan.Bounds(0, 150 << 10, 0, true, 0, 0);
    TreeMap<String, String> whole;
    long first;
    try (Core core = new Core(small, 1_000_000)) {
      core.write(700);
      core.keeper.snapshot();
      core.write(700);
      assertEquals(List.of(), core.keeper.apply(false).done(), "one snapshot is not enough");
      core.keeper.snapshot();
      LogKeeper.Outcome outcome = core.keeper.apply(false);
      assertFalse(outcome.done().isEmpty());
      first = core.log.firstSequence();
      assertTrue(first > 1 && first <= core.keeper.report().snapshots().getLast() + 1);
      core.write(50);
      whole = core.content();
    }
    assertTrue(walked(first).get(EventType.GENERATION_REMOVED) > 0);
    deleteStore();
    try (Core core = new Core(small, 1_000_000)) {
      assertEquals(whole, core.content());
      assertEquals(
          first - 1,
          core.journal.state().get(Kind.NODE.key("", "node")).orElseThrow().getLogRemovedThrough());
    }
  }

  /** The store knows what the lost events said: the next fold must know it too. */
  @Test
  void whatTheStoreKnowsOfLostEventsIsWrittenBeforeAnythingElseHappens() throws Exception {
    RetentionPlan.Bounds none = new RetentionPlan.Bounds(0, 0, 0, false, 0, 0);
    try (Core core = new Core(none, 1_000_000)) {
      core.write(10);
      core.write(10);
      core.write(10);
      core.store.store().flush();
      // As a power cut leaves them; what the close below writes never was.
      Folders.copy(dir.resolve("log"), dir.resolve("then/log"));
      Folders.copy(dir.resolve("store"), dir.resolve("then/store"));
    }
    Folders.remove(dir.resolve("log"));
    deleteStore();
    Folders.copy(dir.resolve("then/log"), dir.resolve("log"));
    Folders.copy(dir.resolve("then/store"), dir.resolve("store"));
    flipOneBitOf("n21");
    TreeMap<String, String> whole;
    long lost;
    try (Core core = new Core(none, 1_000_000)) {
      var damage =
          core.log.status().damages().stream().filter(d -> d.firstLostSequence() > 0).findFirst();
      lost = damage.orElseThrow().firstLostSequence();
      assertTrue(core.content().keySet().stream().anyMatch(key -> key.contains("n21")));
      core.journal.commit(
          SELF,
          "",
          new Event.DamageFound(
              DamageFoundPayload.newBuilder()
                  .setWhat("log")
                  .setFirstLostSequence(lost)
                  .setLastLostSequence(damage.get().lastLostSequence())
                  .build()));
    }
    long found;
    try (Core core = new Core(none, 1_000_000)) {
      found = core.keeper.report().snapshots().getFirst();
      assertTrue(found > lost, "a snapshot at " + found + " after the loss of " + lost);
      core.write(3);
      whole = core.content();
    }
    deleteStore();
    try (Core core = new Core(none, 1_000_000)) {
      assertEquals(whole, core.content());
      assertEquals(List.of(found), core.keeper.report().snapshots(), "once is enough");
    }
  }

  private void flipOneBitOf(String text) throws Exception {
    Path file;
    try (Stream<Path> files = Files.walk(dir.resolve("log/generation-0001"))) {
      file = files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(file);
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
    assertTrue(at > 0, text + " is not in " + file);
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void killedBetweenTheRecordAndTheDeedItIsDoneLaterAndRecordedOnce() throws Exception {
    RetentionPlan.Bounds small = new RetentionPlan.Bounds(0, 150 << 10, 0, false, 0, 0);
    Path live = dir.resolve("log/generation-0001");
    Path kept = dir.resolve("kept");
    try (Core core = new Core(small, 1_000_000)) {
      core.write(900);
      core.keeper.snapshot();
      Files.createDirectories(kept);
      try (Stream<Path> files = Files.list(live)) {
        for (Path file : files.toList()) {
          Files.copy(file, kept.resolve(file.getFileName()));
        }
      }
      assertTrue(core.keeper.apply(false).done().size() > 1);
    }
    // As if it had died before the unpacked generation was taken away, and another half way.
    Files.move(kept, live);
    Files.createDirectories(dir.resolve("log/generation-0099.gone"));
    Files.createDirectories(dir.resolve("log/archive/generation-0099.partial"));
    int before = walked(1).get(EventType.GENERATION_ARCHIVED);
    try (Core core = new Core(small, 1_000_000)) {
      assertEquals(1, core.keeper.apply(false).done().size());
      core.log.retained().sweep();
    }
    assertEquals(before, walked(1).get(EventType.GENERATION_ARCHIVED));
    assertFalse(Files.exists(live));
    assertFalse(Files.exists(dir.resolve("log/generation-0099.gone")));
    assertFalse(Files.exists(dir.resolve("log/archive/generation-0099.partial")));
  }

  @Test
  void snapshotsAreTakenEverySoManyEventsAndTheirNumberIsBounded() throws Exception {
    RetentionPlan.Bounds none = new RetentionPlan.Bounds(0, 0, 0, false, 0, 0);
    try (Core core = new Core(none, 100)) {
      for (int i = 0; i < 104; i++) {
        core.write(20);
        core.keeper.snapshot();
      }
      List<Long> kept = core.keeper.report().snapshots();
      assertEquals(100, kept.size());
      assertTrue(kept.getLast() <= 45, "the oldest stays: " + kept);
      for (int i = 1; i < kept.size(); i++) {
        long gap = kept.get(i - 1) - kept.get(i);
        assertTrue(gap <= 3 * 25, "no wide gap between those that stay: " + kept);
      }
      assertEquals(1, core.log.firstSequence());
    }
    try (Core core = new Core(none, 1)) {
      long begun = System.nanoTime();
      long before = core.log.lastSequence();
      while (core.keeper.report().snapshots().stream().noneMatch(s -> s >= before)) {
        assertTrue(System.nanoTime() - begun < 30_000_000_000L, core.keeper.report()::toString);
        Thread.onSpinWait();
      }
    }
  }
}
