package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.GarbageCollectedPayload;
import dev.retainerd.eventlog.proto.LeaseDeletedPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.content.IngestStatus;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.state.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes content, snapshots, leases and ingests of a namespace that nothing holds any more; see
 * {@link Holdings} for what holds.
 *
 * <p>It works in rounds: each looks anew at who holds what, and removes until somebody else has
 * changed the state, or until it has removed {@value #ROUND_MAX} things. Between rounds pulls can
 * begin, and end the collection. So nothing is removed on the word of an old look.
 *
 * <p>Thread-safe. One failure is recorded and does not keep the rest from being collected.
 */
public final class GarbageCollector {
  private static final Logger LOG = LoggerFactory.getLogger(GarbageCollector.class);

  private static final int ROUND_MAX = 64;
  private static final int ROUNDS_MAX = 10_000;
  private static final int FAILURES_TOLD = 16;
  private static final long PATIENCE_SECONDS = 600;

  /** A download that nobody went on with for so long is given up. Source: containerd's. */
  static final Duration INGEST_LIFE = Duration.ofHours(24);

  private final Journal journal;
  private final ContentService content;
  private final List<SnapshotService> snapshotters;

  /** One collection at a time: who asks for one hears of it when it is done. */
  private final ReentrantLock collecting = new ReentrantLock();

  /** Pulls hold the read side: what they make has no name until they end. */
  private final ReentrantReadWriteLock pausing = new ReentrantReadWriteLock();

  public GarbageCollector(
      Journal journal, ContentService content, SnapshotService... snapshotters) {
    this.journal = journal;
    this.content = content;
    this.snapshotters = List.of(snapshotters);
  }

  /** While it is open, nothing is collected. Closed by the thread that opened it. */
  public interface Pause extends AutoCloseable {
    @Override
    void close();
  }

  /** Keeps collections off until it is closed. */
  public Pause pause() {
    pausing.readLock().lock();
    return () -> pausing.readLock().unlock();
  }

  /** Whether something keeps collections off now. */
  boolean isPaused() {
    return pausing.getReadLockCount() > 0;
  }

  /** Why a collection runs. */
  public enum Cause {
    /** Somebody asked for it. */
    ASKED,
    /** A name was removed. */
    REMOVAL,
    /** It was time. */
    SCHEDULE
  }

  /**
   * Something that nothing holds.
   *
   * @param kind content, snapshot, lease or ingest
   */
  public record Item(String kind, String id, long bytes) {}

  /** What a collection removed, or would remove. */
  public record Collected(List<Item> items, List<String> failures) {
    public Collected {
      items = List.copyOf(items);
      failures = List.copyOf(failures);
    }

    public int blobs() {
      return count("content");
    }

    public int snapshots() {
      return count("snapshot");
    }

    int count(String kind) {
      return (int) items.stream().filter(item -> item.kind().equals(kind)).count();
    }

    public long bytes() {
      return items.stream().mapToLong(Item::bytes).sum();
    }
  }

  /** Collects because somebody asked for it; see {@link #collect(Origin, String, Cause)}. */
  public Collected collect(Origin origin, String namespace) {
    return collect(origin, namespace, Cause.ASKED);
  }

  /**
   * Collects now; while a pull is under way nothing is, for its end is a better moment. Another
   * collection is waited for: it may have looked before what its caller let go was let go. What was
   * removed, or failed to be, is recorded as an event.
   */
  public Collected collect(Origin origin, String namespace, Cause cause) {
    try {
      if (!collecting.tryLock(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw Refusal.unavailable(
            "another collection of garbage has not ended for " + PATIENCE_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the collection of garbage was interrupted");
    }
    try {
      return collectAlone(origin, namespace, cause);
    } finally {
      collecting.unlock();
    }
  }

  private Collected collectAlone(Origin origin, String namespace, Cause cause) {
    long began = System.nanoTime();
    List<Item> removed = new ArrayList<>();
    Set<String> failures = new TreeSet<>();
    Set<Item> failed = new HashSet<>();
    for (int round = 0; round < ROUNDS_MAX; round++) {
      if (!pausing.writeLock().tryLock()) {
        break;
      }
      try {
        if (!round(Scope.of(origin, namespace), removed, failed, failures)) {
          break;
        }
      } finally {
        pausing.writeLock().unlock();
      }
    }
    Collected collected = new Collected(removed, List.copyOf(failures));
    if (!removed.isEmpty() || !failures.isEmpty()) {
      record(origin, namespace, cause, collected, System.nanoTime() - began);
    }
    return collected;
  }

  private void record(
      Origin origin, String namespace, Cause cause, Collected collected, long nanos) {
    journal.commit(
        origin,
        namespace,
        new Event.GarbageCollected(
            GarbageCollectedPayload.newBuilder()
                .setCause(cause.name().toLowerCase(Locale.ROOT))
                .setBlobs(collected.blobs())
                .setSnapshots(collected.snapshots())
                .setLeases(collected.count("lease"))
                .setIngests(collected.count("ingest"))
                .setBytesFreed(collected.bytes())
                .addAllFailures(
                    collected
                        .failures()
                        .subList(0, Math.min(FAILURES_TOLD, collected.failures().size())))
                .setMillis(nanos / 1_000_000)
                .build()));
  }

  /** What a collection would remove now, without removing it. */
  public Collected look(String namespace) {
    Holdings holdings = Holdings.of(journal.state(), namespace, Instant.now());
    List<Item> items = new ArrayList<>();
    items.addAll(expiredLeases(namespace));
    items.addAll(looseSnapshots(namespace, holdings, false));
    items.addAll(looseContent(namespace, holdings));
    items.addAll(staleIngests(namespace, holdings));
    return new Collected(items, List.of());
  }

  /** True where another round has something to do. */
  private boolean round(Scope scope, List<Item> removed, Set<Item> failed, Set<String> failures) {
    long seen = journal.log().lastSequence();
    Holdings holdings = Holdings.of(journal.state(), scope.namespace(), Instant.now());
    List<Item> due = new ArrayList<>();
    due.addAll(expiredLeases(scope.namespace()));
    // Children before their parents: those come with a later round.
    due.addAll(looseSnapshots(scope.namespace(), holdings, true));
    due.addAll(looseContent(scope.namespace(), holdings));
    due.addAll(staleIngests(scope.namespace(), holdings));
    due.removeAll(failed);
    int done = 0;
    for (Item item : due) {
      if (done == ROUND_MAX || journal.log().lastSequence() != seen) {
        return true;
      }
      try {
        remove(scope, item);
        removed.add(item);
      } catch (Refusal e) {
        LOG.warn("{} {} is held by nothing and stays: {}", item.kind(), item.id(), e.sentence());
        failures.add(item.kind() + " " + item.id() + ": " + e.sentence());
        failed.add(item);
      }
      done++;
      seen = journal.log().lastSequence();
    }
    return done > 0;
  }

  private void remove(Scope scope, Item item) {
    switch (item.kind()) {
      case "content" -> content.delete(scope, Digest.parse(item.id()));
      case "snapshot" -> {
        int slash = item.id().indexOf('/');
        snapshotter(item.id().substring(0, slash))
            .removeWholly(scope, item.id().substring(slash + 1));
      }
      case "lease" ->
          journal.commit(
              scope.origin(),
              scope.namespace(),
              new Event.LeaseDeleted(LeaseDeletedPayload.newBuilder().setId(item.id()).build()));
      default -> content.abort(scope.namespace(), item.id());
    }
  }

  private SnapshotService snapshotter(String name) {
    return snapshotters.stream()
        .filter(one -> one.snapshotter().equals(name))
        .findFirst()
        .orElseThrow(() -> Refusal.failedPrecondition("snapshotter " + name + " is not loaded"));
  }

  private List<Item> expiredLeases(String namespace) {
    Instant now = Instant.now();
    List<Item> found = new ArrayList<>();
    for (LeaseEntry lease : journal.state().list(Kind.LEASE, namespace)) {
      if (Holdings.isExpired(lease, now)) {
        found.add(new Item("lease", lease.getId(), 0));
      }
    }
    return found;
  }

  private List<Item> looseSnapshots(String namespace, Holdings holdings, boolean onlyTops) {
    List<Item> found = new ArrayList<>();
    for (SnapshotService snapshots : snapshotters) {
      for (String key : snapshots.halfRemoved(namespace)) {
        found.add(new Item("snapshot", snapshots.snapshotter() + "/" + key, 0));
      }
      List<SnapshotRecord> all = snapshots.list(namespace);
      Set<String> parents = new HashSet<>();
      all.forEach(record -> parents.add(record.getParent()));
      for (SnapshotRecord record : all) {
        Holdings.Thing thing = Holdings.Thing.snapshot(record.getSnapshotter(), record.getKey());
        if (!holdings.holds(thing) && !(onlyTops && parents.contains(record.getKey()))) {
          found.add(new Item("snapshot", thing.id(), record.getUsageBytes()));
        }
      }
    }
    return found;
  }

  private List<Item> looseContent(String namespace, Holdings holdings) {
    List<Item> found = new ArrayList<>();
    for (ContentEntry entry : content.list(namespace)) {
      if (!holdings.holds(Holdings.Thing.content(entry.getDigest()))) {
        found.add(new Item("content", entry.getDigest(), entry.getSize()));
      }
    }
    return found;
  }

  private List<Item> staleIngests(String namespace, Holdings holdings) {
    Instant oldest = Instant.now().minus(INGEST_LIFE);
    List<Item> found = new ArrayList<>();
    for (IngestStatus ingest : content.statuses(namespace)) {
      boolean held = holdings.holds(new Holdings.Thing("ingests", ingest.ref()));
      if (!held && ingest.updatedAt().isBefore(oldest)) {
        found.add(new Item("ingest", ingest.ref(), ingest.offset()));
      }
    }
    return found;
  }

  /**
   * What holds a blob or a snapshot in a namespace: ways from a root down to it, each in words.
   *
   * @param id a digest, or a snapshot's key
   * @return empty where the namespace has no such thing; a list with no ways where nothing holds it
   */
  public Optional<List<List<String>>> holders(String namespace, String id) {
    Holdings holdings = Holdings.of(journal.state(), namespace, Instant.now());
    boolean known = journal.state().get(Kind.CONTENT.key(namespace, id)).isPresent();
    List<List<String>> chains = new ArrayList<>(words(holdings.chains(Holdings.Thing.content(id))));
    for (SnapshotService snapshots : snapshotters) {
      known |= snapshots.exists(namespace, id);
      chains.addAll(words(holdings.chains(Holdings.Thing.snapshot(snapshots.snapshotter(), id))));
    }
    return known ? Optional.of(chains) : Optional.empty();
  }

  private static List<List<String>> words(List<List<Holdings.Thing>> chains) {
    return chains.stream()
        .map(chain -> chain.stream().map(Holdings.Thing::toString).toList())
        .toList();
  }
}
