package dev.retainerd.runtime.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Appended;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long a request waits for the disk, and who suffers from whom. */
class JournalTest {
  private static final Origin SELF = new Origin(Actor.daemon(), "", 0);

  @TempDir Path dir;

  private static Event event(int bytes) {
    return new Event.LeftoverRemoved(
        LeftoverRemovedPayload.newBuilder().setDetail("x".repeat(bytes)).build());
  }

  /** A log whose disk lets one sync through for each permit. */
  private static final class SlowDisk implements EventLog {
    private final EventLog log;
    final Semaphore permits = new Semaphore(0);
    final Semaphore arrived = new Semaphore(0);
    volatile int forces;

    SlowDisk(EventLog log) {
      this.log = log;
    }

    @Override
    public Stamp stamp() {
      return log.stamp();
    }

    @Override
    public Appended append(List<EnvelopeDraft> drafts, Stamp stamp) {
      return log.append(drafts, stamp);
    }

    @Override
    public void force() {
      arrived.release();
      permits.acquireUninterruptibly();
      log.force();
      forces++;
    }

    @Override
    public long firstSequence() {
      return log.firstSequence();
    }

    @Override
    public long lastSequence() {
      return log.lastSequence();
    }

    @Override
    public long durableSequence() {
      return log.durableSequence();
    }

    @Override
    public byte[] headHash() {
      return log.headHash();
    }

    @Override
    public LogReader reader(long from) {
      return log.reader(from);
    }

    @Override
    public LogStatus status() {
      return log.status();
    }

    @Override
    public void close() {
      log.close();
    }
  }

  @Test
  void noRequestWaitsForMoreThanTheCommitUnderWayAndItsOwn() throws Exception {
    int waiting = 1000;
    SlowDisk disk = new SlowDisk(new MemoryLog());
    ConcurrentHashMap<Integer, Integer> answeredAfter = new ConcurrentHashMap<>();
    try (Journal journal = new Journal(disk, NodeState.inMemory(), (s, d) -> {});
        var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture<Void> first =
          CompletableFuture.runAsync(() -> journal.commit(SELF, "", event(1)), clients);
      assertTrue(disk.arrived.tryAcquire(30, TimeUnit.SECONDS));
      List<CompletableFuture<Void>> rest = new ArrayList<>();
      for (int i = 0; i < waiting; i++) {
        int number = i;
        rest.add(
            CompletableFuture.runAsync(
                () -> {
                  journal.commit(SELF, "", event(1));
                  answeredAfter.put(number, disk.forces);
                },
                clients));
      }
      long deadline = System.nanoTime() + 30_000_000_000L;
      while (journal.waiting() < waiting && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
      assertEquals(waiting, journal.waiting());
      // The one under way, and one for all of them.
      disk.permits.release(2);
      first.get(30, TimeUnit.SECONDS);
      for (CompletableFuture<Void> one : rest) {
        one.get(30, TimeUnit.SECONDS);
      }
      assertEquals(2, disk.forces);
      assertEquals(waiting, answeredAfter.values().stream().filter(n -> n == 2).count());
      disk.permits.release(Integer.MAX_VALUE / 2);
    }
  }

  @Test
  void whatIsProposedSharesTheForceOfTheCommitThatFollowsAndComesBeforeIt() throws Exception {
    SlowDisk disk = new SlowDisk(new MemoryLog());
    try (Journal journal = new Journal(disk, NodeState.inMemory(), (s, d) -> {});
        var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture<Void> first =
          CompletableFuture.runAsync(() -> journal.commit(SELF, "", event(1)), clients);
      assertTrue(disk.arrived.tryAcquire(30, TimeUnit.SECONDS));
      CompletableFuture<List<Envelope>> proposed = journal.propose(SELF, "", List.of(event(2)));
      CompletableFuture<List<Envelope>> committed =
          CompletableFuture.supplyAsync(() -> journal.commit(SELF, "", event(3)), clients);
      long deadline = System.nanoTime() + 30_000_000_000L;
      while (journal.waiting() < 2 && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
      assertTrue(!proposed.isDone(), "not before it is durable");
      disk.permits.release(2);
      first.get(30, TimeUnit.SECONDS);
      assertEquals(3, committed.get(30, TimeUnit.SECONDS).getLast().sequence());
      assertEquals(2, proposed.get(30, TimeUnit.SECONDS).getLast().sequence());
      assertEquals(2, disk.forces);
      disk.permits.release(Integer.MAX_VALUE / 2);
    }
  }

  @Test
  void whatWasDecidedOnAnOlderStateIsRecordedOnlyIfItStillFits() {
    try (Journal journal = MemoryLog.journal()) {
      long seen = Journal.lastSequence(journal.commit(SELF, "", event(1)));
      assertTrue(
          journal.commitIf(
              seen,
              state -> {
                throw new AssertionError("nothing has changed: it need not be asked");
              },
              SELF,
              "",
              List.of(event(2))));
      assertEquals(seen + 1, journal.log().lastSequence());
      assertFalse(journal.commitIf(seen, state -> false, SELF, "", List.of(event(3))));
      assertEquals(seen + 1, journal.log().lastSequence(), "nothing of it is recorded");
      assertTrue(journal.commitIf(seen, state -> true, SELF, "", List.of(event(4))));
      assertEquals(seen + 2, journal.log().lastSequence());
      assertThrows(
          Refusal.class,
          () ->
              journal.commitIf(
                  seen,
                  state -> {
                    throw Refusal.failedPrecondition("it cannot be said");
                  },
                  SELF,
                  "",
                  List.of(event(5))));
      journal.commit(SELF, "", event(6));
    }
  }

  /**
   * An interrupt could come while the writer wrote, and be lost: then a stop waited for a minute.
   */
  @Test
  void aStopEndsAtOnceWhateverIsBeingWritten() throws Exception {
    try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 500; i++) {
        Journal journal = new Journal(new MemoryLog(), NodeState.inMemory(), (s, d) -> {});
        CompletableFuture<?> committed =
            CompletableFuture.runAsync(() -> journal.commit(SELF, "", event(1)), clients);
        long begun = System.nanoTime();
        journal.close();
        assertTrue(System.nanoTime() - begun < 20_000_000_000L, "stop " + i + " was late");
        // Recorded or refused, but answered.
        committed.handle((done, refused) -> true).get(20, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void anEventThatIsTooLargeIsRefusedByNameAndSizeAndNobodyElseSuffers() {
    LogOptions small =
        LogOptions.standard(dir.resolve("log"))
            .withSizes(4096, 1L << 20, 1L << 20)
            .withCheckpoints(Optional.empty());
    try (ChronicleEventLog log = ChronicleEventLog.open(small);
        Journal journal = new Journal(log, NodeState.inMemory(), (s, d) -> {})) {
      journal.commit(SELF, "", event(100));
      Refusal refused =
          assertThrows(
              Refusal.class,
              () ->
                  journal.commit(
                      SELF,
                      "",
                      event(10),
                      new Event.NamespaceCreated(
                          NamespaceCreatedPayload.newBuilder().setName("n".repeat(5000)).build())));
      assertTrue(refused.is(Refusal.Code.INVALID_ARGUMENT));
      assertTrue(
          refused.sentence().contains("an event of type 20 about namespace/nnn")
              && refused.sentence().contains("the log takes at most 4096")
              && refused.sentence().contains("retain.log_block_bytes"),
          refused.sentence());
      assertEquals(1, log.lastSequence());
      assertEquals(2, Journal.lastSequence(journal.commit(SELF, "", event(100))));
    }
  }
}
