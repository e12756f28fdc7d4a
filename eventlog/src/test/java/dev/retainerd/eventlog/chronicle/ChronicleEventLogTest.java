package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Appended;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.EventTooLargeException;
import dev.retainerd.eventlog.LogClock;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChronicleEventLogTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir Path dir;

  private LogOptions options() {
    return LogOptions.standard(dir.resolve("log")).withSizes(1 << 20, 1L << 30, 2L << 20);
  }

  @Test
  void appendedEventsAreDenseChainedAndReadBack() throws Exception {
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      Appended first = log.append(Drafts.batch(1, 3, 100));
      Appended second = log.append(Drafts.batch(4, 1, 5000));
      log.force();
      assertEquals(1, first.firstSequence());
      assertEquals(3, first.lastSequence());
      assertEquals(4, second.firstSequence());
      assertTrue(second.envelopes().getFirst().follows(first.envelopes().getLast().hash()));
      assertArrayEquals(log.headHash(), second.envelopes().getFirst().hash());
      try (LogReader reader = log.reader(1)) {
        for (int i = 0; i < 3; i++) {
          assertEquals(first.envelopes().get(i), reader.poll(PATIENCE).orElseThrow());
        }
        assertEquals(second.envelopes().getFirst(), reader.poll(PATIENCE).orElseThrow());
        assertTrue(reader.poll(Duration.ofMillis(1)).isEmpty());
      }
    }
  }

  @Test
  void whatIsNotForcedIsNotHandedOut() throws Exception {
    try (ChronicleEventLog log = ChronicleEventLog.open(options());
        LogReader reader = log.reader(1)) {
      log.append(Drafts.batch(1, 2, 10));
      assertTrue(reader.poll(Duration.ofMillis(20)).isEmpty());
      assertEquals(0, log.durableSequence());
      log.force();
      assertEquals(1, reader.poll(PATIENCE).orElseThrow().sequence());
      assertEquals(2, log.durableSequence());
    }
  }

  @Test
  void aReaderThatWaitsIsWokenByTheNextCommit() throws Exception {
    try (ChronicleEventLog log = ChronicleEventLog.open(options());
        LogReader reader = log.reader(1)) {
      CompletableFuture<Optional<Envelope>> waiting =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return reader.poll(PATIENCE);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      log.append(Drafts.batch(1, 1, 10));
      log.force();
      assertEquals(1, waiting.get(20, TimeUnit.SECONDS).orElseThrow().sequence());
    }
  }

  @Test
  void sequenceAndChainGoOnAfterACleanStop() {
    byte[] head;
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      assertTrue(log.status().previousStopWasClean());
      log.append(Drafts.batch(1, 10, 100));
      head = log.headHash();
    }
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      assertTrue(log.status().previousStopWasClean());
      assertEquals(List.of(), log.status().damages());
      assertEquals(10, log.lastSequence());
      Envelope next = log.append(Drafts.batch(11, 1, 100)).envelopes().getFirst();
      assertEquals(11, next.sequence());
      assertTrue(next.follows(head));
    }
    assertWhole(11);
  }

  @Test
  void anEmptyOpeningLeavesNoGenerationBehind() {
    for (int i = 0; i < 3; i++) {
      ChronicleEventLog.open(options()).close();
    }
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      log.append(Drafts.batch(1, 1, 10));
    }
    assertEquals(1, ReadOnlyLog.open(dir).generations().size());
    assertWhole(1);
  }

  @Test
  void aGrownGenerationIsFollowedByAnother() throws Exception {
    LogOptions small = options().withSizes(1 << 20, 256 << 10, 1L << 20);
    try (ChronicleEventLog log = ChronicleEventLog.open(small);
        LogReader reader = log.reader(1)) {
      for (int i = 0; i < 300; i++) {
        log.append(Drafts.batch(i * 10 + 1, 10, 300));
        log.force();
      }
      assertTrue(log.status().generation() > 3);
      for (int i = 1; i <= 3000; i++) {
        assertEquals(i, reader.poll(PATIENCE).orElseThrow().sequence());
      }
      try (LogReader later = log.reader(2345)) {
        assertEquals(2345, later.poll(PATIENCE).orElseThrow().sequence());
      }
    }
    assertWhole(3000);
  }

  @Test
  void anEventThatIsTooLargeIsRefusedWithItsSizeAndNothingIsAppended() {
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      EventTooLargeException e =
          assertThrows(
              EventTooLargeException.class,
              () -> log.append(List.of(Drafts.numbered(1, 10), Drafts.numbered(2, (1 << 20) + 5))));
      assertTrue(e.getMessage().contains("container/c2"), e.getMessage());
      assertTrue(e.getMessage().contains("1048576"), e.getMessage());
      assertEquals(0, log.lastSequence());
      assertEquals(1, log.append(Drafts.batch(1, 1, (1 << 20) - 300)).firstSequence());
    }
    assertWhole(1);
  }

  @Test
  void aClockThatStepsInBothDirectionsStopsNothing() {
    long day = TimeUnit.DAYS.toNanos(1);
    long[] now = {LogClock.system().wallNanos()};
    LogClock stepping =
        new LogClock() {
          @Override
          public long wallNanos() {
            return now[0];
          }

          @Override
          public long monotonicNanos() {
            return System.nanoTime();
          }
        };
    long sequence = 0;
    for (long step : new long[] {0, 3 * day, -10 * day, 400 * day, -2 * day}) {
      now[0] += step;
      try (ChronicleEventLog log = ChronicleEventLog.open(options().withClock(stepping))) {
        assertEquals(++sequence, log.append(Drafts.batch(sequence, 1, 10)).firstSequence());
        now[0] -= day;
        assertEquals(++sequence, log.append(Drafts.batch(sequence, 1, 10)).firstSequence());
        now[0] += 2 * day;
        assertEquals(++sequence, log.append(Drafts.batch(sequence, 1, 10)).firstSequence());
      }
    }
    assertWhole(sequence);
  }

  @Test
  void aClockThatStepsAcrossARollStopsNothingAndAgeIsCountedByTheOneThatNeverGoesBack() {
    long day = TimeUnit.DAYS.toNanos(1);
    long[] wall = {LogClock.system().wallNanos()};
    long[] monotonic = {0};
    LogClock stepping =
        new LogClock() {
          @Override
          public long wallNanos() {
            return wall[0];
          }

          @Override
          public long monotonicNanos() {
            return monotonic[0];
          }
        };
    LogOptions daily = options().withClock(stepping).withRollAfter(Duration.ofDays(1));
    long sequence = 0;
    try (ChronicleEventLog log = ChronicleEventLog.open(daily)) {
      for (long step : new long[] {0, -3 * day, 400 * day, -day / 2, 0, -500 * day}) {
        wall[0] += step;
        int before = log.status().generation();
        assertEquals(++sequence, log.append(Drafts.batch(sequence, 1, 10)).firstSequence());
        assertEquals(before, log.status().generation(), "a step of the wall clock is no age");
        monotonic[0] += day;
        assertEquals(++sequence, log.append(Drafts.batch(sequence, 1, 10)).firstSequence());
        assertEquals(before + 1, log.status().generation());
        log.force();
      }
      log.rollSoon();
      int before = log.status().generation();
      log.append(Drafts.batch(++sequence, 1, 10));
      assertEquals(before + 1, log.status().generation());
    }
    assertWhole(sequence);
  }

  @Test
  void aFolderThatCannotBeWrittenIsRefusedWithTheMend() throws Exception {
    java.nio.file.Files.writeString(dir.resolve("file"), "in the way");
    EventLogException e =
        assertThrows(
            EventLogException.class,
            () -> ChronicleEventLog.open(LogOptions.standard(dir.resolve("file/log"))));
    assertTrue(e.getMessage().contains("see that its disk is not mounted read-only"), e::toString);
  }

  @Test
  void aSecondWriterIsRefusedWithThePidOfTheFirst() {
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      EventLogException e =
          assertThrows(EventLogException.class, () -> ChronicleEventLog.open(options()));
      assertTrue(
          e.getMessage().contains("process " + ProcessHandle.current().pid()), e.getMessage());
      log.append(Drafts.batch(1, 1, 10));
    }
    assertWhole(1);
  }

  @Test
  void theLogOfAnotherNodeIsRefused() {
    String node;
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      node = log.status().nodeId();
      log.append(Drafts.batch(1, 1, 10));
    }
    EventLogException e =
        assertThrows(
            EventLogException.class,
            () -> ChronicleEventLog.open(options().withExpectedNodeId("somebody-else")));
    assertTrue(e.getMessage().contains(node) && e.getMessage().contains("mount"), e.getMessage());
    ChronicleEventLog.open(options().withExpectedNodeId(node)).close();
  }

  @Test
  void anEmptyMountWhereTheLogShouldBeIsRefusedAndNoNewLogBegun() {
    EventLogException e =
        assertThrows(
            EventLogException.class,
            () -> ChronicleEventLog.open(options().withExpectedNodeId("known-node")));
    assertTrue(e.getMessage().contains("mount the disk"), e.getMessage());
    assertFalse(dir.resolve("log/identity").toFile().exists());
    assertFalse(dir.resolve("log/generation-0001").toFile().exists());
  }

  @Test
  void anInterruptOfTheWriterOrAReaderBreaksNeither() throws Exception {
    LogOptions small = options().withSizes(1 << 20, 64 << 10, 1L << 20);
    try (ChronicleEventLog log = ChronicleEventLog.open(small);
        LogReader reader = log.reader(1)) {
      for (int i = 1; i <= 400; i++) {
        Thread.currentThread().interrupt();
        log.append(Drafts.batch(i, 1, 300));
        log.force();
        assertTrue(Thread.interrupted(), "the interrupt is kept for whom it was meant");
        assertEquals(i, log.durableSequence());
      }
      Thread interrupter = Thread.currentThread();
      Thread later =
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < 200; i++) {
                      interrupter.interrupt();
                      Thread.onSpinWait();
                    }
                  });
      for (int i = 1; i <= 400; i++) {
        log.append(Drafts.batch(i, 1, 300));
        log.force();
      }
      later.join();
      // The last interrupts may or may not have come in time: poll() must not see one.
      while (Thread.interrupted()) {
        Thread.onSpinWait();
      }
      for (int i = 1; i <= 800; i++) {
        assertEquals(i, reader.poll(PATIENCE).orElseThrow().sequence());
      }
    }
    assertWhole(800);
  }

  @Test
  void anEmptyBatchIsRefused() {
    try (ChronicleEventLog log = ChronicleEventLog.open(options())) {
      assertThrows(IllegalArgumentException.class, () -> log.append(List.of()));
    }
  }

  private void assertWhole(long last) {
    ReadOnlyLog log = ReadOnlyLog.open(dir);
    assertEquals(List.of(), log.damages());
    long expected = 1;
    try (ReadOnlyLog.Walk walk = log.walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        assertTrue(e.get() instanceof LogEntry.Good, e.get()::toString);
        assertEquals(expected++, ((LogEntry.Good) e.get()).envelope().sequence());
      }
      assertEquals("", walk.tail());
    }
    assertEquals(last, expected - 1);
    assertEquals(last, log.lastSequence());
  }
}
