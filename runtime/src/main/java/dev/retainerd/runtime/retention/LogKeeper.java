package dev.retainerd.runtime.retention;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.chronicle.RetainedGenerations;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.files.Archive;
import dev.retainerd.eventlog.files.Archiving;
import dev.retainerd.eventlog.proto.GenerationArchivedPayload;
import dev.retainerd.eventlog.proto.GenerationRemovedPayload;
import dev.retainerd.eventlog.proto.StateSnapshotTakenPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.Damage;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.rocks.RocksStore;
import dev.retainerd.store.rocks.StoreException;
import dev.retainerd.store.snapshot.NamedSnapshots;
import dev.retainerd.store.snapshot.SnapshotDamagedException;
import dev.retainerd.store.snapshot.SnapshotFolder;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes snapshots of the state and keeps the log within its bounds: every so many events, after
 * each new generation, after a loss of events, once an hour, and when asked. A thread of its own;
 * nobody waits for it but who asked. What it cannot do now it tries again, and says so in {@link
 * #report}.
 */
public final class LogKeeper implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LogKeeper.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(10);
  private static final Duration PASS_EVERY = Duration.ofHours(1);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int SNAPSHOTS_KEPT = 100;

  /**
   * What it keeps to.
   *
   * @param snapshotEveryEvents after how many events a snapshot is due
   * @param archive folder of packed generations
   */
  public record Settings(
      RetentionPlan.Bounds bounds, long snapshotEveryEvents, Path archive, Origin self) {}

  /**
   * What it last saw and did.
   *
   * @param snapshots the last events that usable snapshots hold, newest first
   * @param lookedNanos when retention last looked, nanoseconds since the epoch; 0 before it did
   * @param heldBack why generations stay that might go; "" for none
   * @param failure why the last try failed; "" where it did not
   */
  public record Report(List<Long> snapshots, long lookedNanos, String heldBack, String failure) {
    public Report {
      snapshots = List.copyOf(snapshots);
    }
  }

  /**
   * What an asked-for pass did.
   *
   * @param done a sentence for each generation
   * @param heldBack why others stay; "" for none
   */
  public record Outcome(List<String> done, String heldBack) {}

  private final ChronicleEventLog log;
  private final RocksStore store;
  private final Journal journal;
  private final Settings settings;
  private final Clock clock;
  private final SnapshotFolder folder;
  private final ReentrantLock working = new ReentrantLock();
  private final Condition stopping = working.newCondition();
  private final Thread thread;

  /** Sound snapshots, newest first; empty before they were looked at. Under the lock. */
  private Optional<List<Long>> snapshots = Optional.empty();

  private int passedGeneration;
  private long passedAtNanos;
  private volatile boolean closed;
  private volatile Report report = new Report(List.of(), 0, "", "");

  private LogKeeper(
      ChronicleEventLog log, RocksStore store, Journal journal, Settings settings, Clock clock) {
    this.log = log;
    this.store = store;
    this.journal = journal;
    this.settings = settings;
    this.clock = clock;
    this.folder = SnapshotFolder.of(log.status().directory());
    this.passedAtNanos = System.nanoTime();
    this.thread = Thread.ofPlatform().daemon().name("log-keeper").unstarted(this::run);
  }

  /**
   * Starts it. To be closed before journal, store and log.
   *
   * <p>Where the log has lost events, the state as it stands is written before this returns: the
   * store may know what only those events said, and must not differ from what can be folded.
   */
  public static LogKeeper start(
      ChronicleEventLog log, RocksStore store, Journal journal, Settings settings, Clock clock) {
    LogKeeper keeper = new LogKeeper(log, store, journal, settings, clock);
    if (keeper.lastLossFoundAt() > 0) {
      keeper.coverLosses();
    }
    keeper.thread.start();
    return keeper;
  }

  private void coverLosses() {
    working.lock();
    try {
      lookOnce();
      if (newestSnapshot() < lastLossFoundAt()) {
        take();
      }
    } catch (IOException | RuntimeException e) {
      // Tried again with the next look.
      failed(e);
    } finally {
      working.unlock();
    }
  }

  /** The event that tells of the newest loss of events; 0 where none is known. */
  private long lastLossFoundAt() {
    return node().getDamagesList().stream()
        .filter(damage -> damage.getFirstLostSequence() > 0)
        .mapToLong(Damage::getSequence)
        .max()
        .orElse(0);
  }

  /** What it last saw and did. */
  public Report report() {
    return report;
  }

  private void run() {
    working.lock();
    try {
      // Not at once: a start has more urgent things to do.
      stopping.awaitNanos(LOOK_EVERY.toNanos());
      while (!closed) {
        try {
          look();
        } catch (IOException | RuntimeException e) {
          failed(e);
        }
        stopping.awaitNanos(LOOK_EVERY.toNanos());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      working.unlock();
    }
  }

  private void failed(Exception e) {
    if (!String.valueOf(e.getMessage()).equals(report.failure)) {
      LOG.warn("the log's retention will be tried again: {}", e.getMessage());
    }
    report =
        new Report(
            report.snapshots,
            report.lookedNanos,
            report.heldBack,
            e.getMessage() == null ? e.toString() : e.getMessage());
  }

  private void look() throws IOException {
    boolean first = passedGeneration == 0;
    if (first) {
      log.retained().sweep();
      lookOnce();
    }
    long newest = newestSnapshot();
    if (newest < lastLossFoundAt()
        || log.durableSequence() - newest >= settings.snapshotEveryEvents) {
      take();
    }
    int generation = log.status().generation();
    boolean due = System.nanoTime() - passedAtNanos >= PASS_EVERY.toNanos();
    if (first || due || generation != passedGeneration) {
      passedGeneration = generation;
      passedAtNanos = System.nanoTime();
      pass();
    }
  }

  private void lookOnce() throws IOException {
    if (snapshots.isEmpty()) {
      snapshots = Optional.of(sound());
      publish("");
    }
  }

  private long newestSnapshot() {
    return snapshots.orElseThrow().stream().findFirst().orElse(0L);
  }

  /** Those that are named by the log and read well; another is moved out of the way. */
  private List<Long> sound() throws IOException {
    NamedSnapshots named = new NamedSnapshots(log);
    List<Long> sound = new ArrayList<>();
    for (long sequence : folder.sequences()) {
      try {
        if (named.check(sequence).isPresent()) {
          sound.add(sequence);
        } else {
          folder.delete(sequence);
        }
      } catch (SnapshotDamagedException e) {
        LOG.warn("{}; it is set aside in {}", e.getMessage(), folder.setAside(sequence));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("the look at the snapshots was interrupted", e);
      }
    }
    return sound;
  }

  private void publish(String heldBack) {
    long now = TimeUnit.MILLISECONDS.toNanos(clock.millis());
    report = new Report(snapshots.orElse(List.of()), now, heldBack, "");
  }

  /**
   * Takes a snapshot now, whenever the last one was.
   *
   * @throws Refusal UNAVAILABLE where the state cannot be written
   */
  public StateSnapshot snapshot() {
    working.lock();
    try {
      mustBeOpen();
      lookOnce();
      return take();
    } catch (IOException | StoreException | EventLogException e) {
      throw Refusal.unavailable("no snapshot of the state was taken: " + e.getMessage()).because(e);
    } finally {
      working.unlock();
    }
  }

  /**
   * Applies the bounds now.
   *
   * @param everything instead, whether to archive all that lies before the newest snapshot
   * @throws Refusal UNAVAILABLE where that fails half way; what was done stays done
   */
  public Outcome apply(boolean everything) {
    working.lock();
    try {
      mustBeOpen();
      lookOnce();
      return carryOut(
          everything
              ? RetentionPlan.everything(facts())
              : RetentionPlan.of(facts(), settings.bounds));
    } catch (IOException | EventLogException e) {
      failed(e);
      throw Refusal.unavailable("the log's retention stopped: " + e.getMessage()).because(e);
    } finally {
      working.unlock();
    }
  }

  private void mustBeOpen() {
    if (closed) {
      throw Refusal.unavailable("the daemon is stopping; ask again when it is back");
    }
  }

  private void pass() throws IOException {
    RetentionPlan plan = RetentionPlan.of(facts(), settings.bounds);
    // A snapshot behind the newest generation that has ended: what comes next may need it.
    List<RetainedGenerations.Part> parts = log.retained().parts();
    long ended = parts.getLast().firstSequence() - 1;
    if (plan.wantsSnapshot() && newestSnapshot() < ended) {
      take();
      plan = RetentionPlan.of(facts(), settings.bounds);
    }
    carryOut(plan);
  }

  private RetentionPlan.Facts facts() {
    return new RetentionPlan.Facts(
        log.retained().parts(),
        log.durableSequence(),
        snapshots.orElseThrow(),
        OpenIntents.oldest(journal.state()),
        TimeUnit.MILLISECONDS.toNanos(clock.millis()));
  }

  private Outcome carryOut(RetentionPlan plan) throws IOException {
    List<String> done = new ArrayList<>();
    for (RetentionPlan.Deed deed : plan.deeds()) {
      switch (deed) {
        case RetentionPlan.Pack pack -> pack(pack);
        case RetentionPlan.Remove remove -> remove(remove);
      }
      String sentence =
          "generation "
              + deed.part().number()
              + ", events "
              + deed.part().firstSequence()
              + " to "
              + deed.part().lastSequence()
              + ", "
              + (deed instanceof RetentionPlan.Pack ? "was archived" : "was removed")
              + ": "
              + deed.reason();
      LOG.info("{}", sentence);
      done.add(sentence);
    }
    thin();
    publish(plan.heldBack());
    return new Outcome(done, plan.heldBack());
  }

  /** Packed first, then recorded, and only then is the unpacked one taken away. */
  private void pack(RetentionPlan.Pack deed) throws IOException {
    Archive.Manifest packed =
        log.retained().pack(deed.part().number(), settings.archive, Archiving.Boundary.NONE);
    if (node().getLogArchivedThrough() < deed.part().lastSequence()) {
      journal.commit(
          settings.self,
          "",
          new Event.GenerationArchived(
              GenerationArchivedPayload.newBuilder()
                  .setNumber(deed.part().number())
                  .setFirstSequence(deed.part().firstSequence())
                  .setLastSequence(deed.part().lastSequence())
                  .setMerkleRoot(ByteString.copyFrom(packed.merkleRoot()))
                  .setLastHash(ByteString.copyFrom(deed.part().lastHash()))
                  .setPlace(settings.archive.toString())
                  .setUnpackedBytes(packed.unpackedBytes())
                  .setPackedBytes(packed.packedBytes())
                  .setReason(deed.reason())
                  .build()));
    }
    log.retained().release(packed, Archiving.Boundary.NONE);
  }

  /** Recorded first: a history must not begin later than it says. */
  private void remove(RetentionPlan.Remove deed) throws IOException {
    if (node().getLogRemovedThrough() < deed.part().lastSequence()) {
      journal.commit(
          settings.self,
          "",
          new Event.GenerationRemoved(
              GenerationRemovedPayload.newBuilder()
                  .setNumber(deed.part().number())
                  .setFirstSequence(deed.part().firstSequence())
                  .setLastSequence(deed.part().lastSequence())
                  .setLastHash(ByteString.copyFrom(deed.part().lastHash()))
                  .setArchived(deed.part().archived())
                  .setBytes(deed.part().bytes())
                  .setReason(deed.reason())
                  .build()));
    }
    log.retained().remove(deed.part().number(), Archiving.Boundary.NONE);
  }

  private NodeEntry node() {
    return journal.state().get(Kind.NODE.key("", "node")).orElseGet(NodeEntry::getDefaultInstance);
  }

  private StateSnapshot take() throws IOException {
    long begun = System.nanoTime();
    String node = log.status().nodeId();
    StateSnapshot taken =
        store.standingStill(
            (sequence, entries) ->
                folder.write(node, sequence, hashOf(sequence), CatchUp.schema(), entries));
    journal.commit(
        settings.self,
        "",
        new Event.StateSnapshotTaken(
            StateSnapshotTakenPayload.newBuilder()
                .setSequence(taken.sequence())
                .setContentHash(ByteString.copyFrom(taken.contentHash()))
                .setFile(taken.file().getFileName().toString())
                .setBytes(taken.bytes())
                .setEntries(taken.entries())
                .setSchema(taken.schema())
                .setHeadHash(ByteString.copyFrom(taken.headHash()))
                .build()));
    List<Long> all = new ArrayList<>(snapshots.orElseThrow());
    all.remove(taken.sequence());
    all.addFirst(taken.sequence());
    snapshots = Optional.of(all);
    thin();
    publish(report.heldBack);
    LOG.info(
        "state at event {} written: {} entries, {} bytes, {} ms",
        taken.sequence(),
        taken.entries(),
        taken.bytes(),
        (System.nanoTime() - begun) / 1_000_000);
    return taken;
  }

  private byte[] hashOf(long sequence) throws IOException {
    if (sequence == 0) {
      return new byte[Envelope.HASH_BYTES];
    }
    try (LogReader reader = log.reader(sequence)) {
      return reader
          .poll(PATIENCE)
          .filter(envelope -> envelope.sequence() == sequence)
          .map(Envelope::hash)
          .orElseThrow(() -> new IOException("event " + sequence + " cannot be read back"));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("it was interrupted", e);
    }
  }

  /** The oldest that the retained events follow stays, so that all of them can be folded. */
  private void thin() throws IOException {
    long first = Math.max(1, log.firstSequence());
    List<Long> kept = new ArrayList<>();
    for (long sequence : snapshots.orElseThrow()) {
      if (sequence + 1 < first) {
        folder.delete(sequence);
      } else {
        kept.add(sequence);
      }
    }
    while (kept.size() > SNAPSHOTS_KEPT) {
      folder.delete(kept.remove(leastMissed(kept)));
    }
    snapshots = Optional.of(kept);
  }

  /**
   * The one without which the gap that it leaves is smallest, an older one where several are: so
   * those that stay lie all over the history, and a state in its middle is never far from one.
   */
  private static int leastMissed(List<Long> newestFirst) {
    int least = 1;
    for (int i = 2; i < newestFirst.size() - 1; i++) {
      least = gapWithout(newestFirst, i) <= gapWithout(newestFirst, least) ? i : least;
    }
    return least;
  }

  private static long gapWithout(List<Long> newestFirst, int i) {
    return newestFirst.get(i - 1) - newestFirst.get(i + 1);
  }

  /** Waits for what is under way, and ends. */
  @Override
  public void close() {
    closed = true;
    try {
      // A large generation may be under way: it is safe to die in the middle of one.
      if (working.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        stopping.signalAll();
        working.unlock();
      }
      thread.join(PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
