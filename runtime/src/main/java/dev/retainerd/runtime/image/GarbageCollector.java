package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.GarbageCollectedPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Removes content, snapshots, leases and ingests of a namespace that nothing holds any more; see
 * {@link Holdings} for what holds.
 *
 * <p>It works in rounds: each looks anew at who holds what, and removes up to {@value #ROUND_MAX}
 * things with one wait for the disk, unless something holds one of them by then. Between rounds
 * pulls can begin, and end the collection. So nothing is removed on the word of an old look.
 *
 * <p>Thread-safe. One failure is recorded and does not keep the rest from being collected.
 */
public final class GarbageCollector {
  private static final int ROUND_MAX = 256;
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
    Run run = new Run(Scope.of(origin, namespace));
    for (int round = 0; round < ROUNDS_MAX && !run.over; round++) {
      if (!pausing.writeLock().tryLock()) {
        break;
      }
      try {
        round(run, cause, began);
      } finally {
        pausing.writeLock().unlock();
      }
    }
    if (!run.told && run.hasResult()) {
      journal.commit(origin, namespace, run.event(cause, began));
    }
    return run.collected();
  }

  /** A collection under way. */
  private static final class Run {
    private final Scope scope;
    private final List<Item> removed = new ArrayList<>();
    private final Set<Item> failed = new HashSet<>();
    private final Set<String> failures = new TreeSet<>();
    private boolean over;
    private boolean told;

    Run(Scope scope) {
      this.scope = scope;
    }

    Collected collected() {
      return new Collected(removed, List.copyOf(failures));
    }

    boolean hasResult() {
      return !removed.isEmpty() || !failures.isEmpty();
    }

    Event event(Cause cause, long began) {
      return collectedEvent(cause, collected(), System.nanoTime() - began);
    }
  }

  private static Event collectedEvent(Cause cause, Collected collected, long nanos) {
    return new Event.GarbageCollected(
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
            .build());
  }

  /** What a collection would remove now, without removing it. */
  public Collected look(String namespace) {
    return new Collected(due(namespace), List.of());
  }

  /** The last round's outcome and that of the whole collection are recorded together. */
  private void round(Run run, Cause cause, long began) {
    long seen = journal.state().sequence();
    List<Item> due = due(run.scope.namespace());
    due.removeAll(run.failed);
    if (due.isEmpty()) {
      run.over = true;
      return;
    }
    List<Item> now = due.subList(0, Math.min(ROUND_MAX, due.size()));
    try (GarbageRemoval removal = new GarbageRemoval(journal, content, snapshotters, run.scope)) {
      if (!removal.remove(now, seen)) {
        return;
      }
      run.removed.addAll(removal.removed());
      removal
          .failures()
          .forEach(
              (item, why) -> {
                run.failed.add(item);
                run.failures.add(item.kind() + " " + item.id() + ": " + why);
              });
      int done = removal.removed().size() + removal.failures().size();
      // What somebody is at is theirs for now.
      run.over = done == 0 || done == due.size();
      List<Event> outcomes = new ArrayList<>(removal.outcomes());
      if (run.over && run.hasResult()) {
        outcomes.add(run.event(cause, began));
        run.told = true;
      }
      if (!outcomes.isEmpty()) {
        journal.commit(run.scope.origin(), run.scope.namespace(), outcomes);
      }
    }
  }

  private List<Item> due(String namespace) {
    Holdings holdings = Holdings.of(journal.state(), namespace, Instant.now());
    List<Item> due = new ArrayList<>();
    due.addAll(expiredLeases(namespace));
    due.addAll(looseSnapshots(namespace, holdings));
    due.addAll(looseContent(namespace, holdings));
    due.addAll(staleIngests(namespace, holdings));
    return due;
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

  /** Children before their parents. */
  private List<Item> looseSnapshots(String namespace, Holdings holdings) {
    List<Item> found = new ArrayList<>();
    for (SnapshotService snapshots : snapshotters) {
      for (String key : snapshots.halfRemoved(namespace)) {
        found.add(new Item("snapshot", snapshots.snapshotter() + "/" + key, 0));
      }
      Map<String, SnapshotRecord> loose = new HashMap<>();
      for (SnapshotRecord record : snapshots.list(namespace)) {
        if (!holdings.holds(Holdings.Thing.snapshot(record.getSnapshotter(), record.getKey()))) {
          loose.put(record.getKey(), record);
        }
      }
      loose.values().stream()
          .sorted(Comparator.comparingInt((SnapshotRecord r) -> depth(loose, r)).reversed())
          .map(r -> new Item("snapshot", r.getSnapshotter() + "/" + r.getKey(), r.getUsageBytes()))
          .forEach(found::add);
    }
    return found;
  }

  /** On how many loose ones it stands: all below a loose one is loose, or held by another. */
  private static int depth(Map<String, SnapshotRecord> loose, SnapshotRecord record) {
    int depth = 0;
    for (SnapshotRecord at = loose.get(record.getParent());
        at != null;
        at = loose.get(at.getParent())) {
      depth++;
    }
    return depth;
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
