package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeaseDeletedPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.SnapshotPhase;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes several things that nothing holds with one wait for the disk: what is to go is recorded
 * together, and only if still nothing holds any of it; then the files go. A daemon that dies in
 * between finds the records at its start, and finishes. For one thread, one removal.
 */
final class GarbageRemoval implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GarbageRemoval.class);

  /** Threads that remove files: more than a few only wait for each other in the file system. */
  private static final int AT_ONCE = 4;

  private final Journal journal;
  private final ContentService content;
  private final Map<String, SnapshotService> snapshotters = new HashMap<>();
  private final Scope scope;
  private final Deque<KeyLocks.Held> locks = new ArrayDeque<>();
  private final List<GarbageCollector.Item> taken = new ArrayList<>();

  /** Those of which it is yet to be recorded that they go. */
  private final List<GarbageCollector.Item> intended = new ArrayList<>();

  private final Map<GarbageCollector.Item, SnapshotRecord> records = new HashMap<>();
  private final Set<String> takenSnapshots = new HashSet<>();
  private final List<GarbageCollector.Item> removed = new ArrayList<>();
  private final Map<GarbageCollector.Item, String> failures = new HashMap<>();
  private final List<Event> outcomes = new ArrayList<>();

  GarbageRemoval(
      Journal journal, ContentService content, List<SnapshotService> snapshotters, Scope scope) {
    this.journal = journal;
    this.content = content;
    snapshotters.forEach(one -> this.snapshotters.put(one.snapshotter(), one));
    this.scope = scope;
  }

  /**
   * Removes them.
   *
   * @param items of snapshots, children before their parents
   * @param seen the state's sequence when it was seen that nothing holds them
   * @return false where something holds one of them since: nothing is removed then
   */
  boolean remove(List<GarbageCollector.Item> items, long seen) {
    List<Event> intents = new ArrayList<>();
    for (GarbageCollector.Item item : items) {
      take(item, intents);
    }
    if (!intents.isEmpty()
        && !journal.commitIf(seen, this::isLoose, scope.origin(), scope.namespace(), intents)) {
      return false;
    }
    hit("content", Failpoint.CONTENT_DELETED_RECORDED);
    hit("snapshot", Failpoint.SNAPSHOT_REMOVE_RECORDED);
    files(content.heldAnywhere());
    return true;
  }

  /** Their locks are held, so that nothing can come to stand on them; but names come and go. */
  private boolean isLoose(StateView state) {
    Instant now = Instant.now();
    Holdings holdings = Holdings.of(state, scope.namespace(), now);
    return intended.stream()
        .allMatch(
            item ->
                item.kind().equals("lease")
                    ? state
                        .get(Kind.LEASE.key(scope.namespace(), item.id()))
                        .filter(lease -> Holdings.isExpired(lease, now))
                        .isPresent()
                    : !holdings.holds(new Holdings.Thing(item.kind(), item.id())));
  }

  private void hit(String kind, Failpoint point) {
    if (taken.stream().anyMatch(item -> item.kind().equals(kind))) {
      point.hit();
    }
  }

  /** What somebody is at just now is left for another time, and so is what it stands on. */
  private void take(GarbageCollector.Item item, List<Event> intents) {
    switch (item.kind()) {
      case "content" -> {
        Digest digest = Digest.parse(item.id());
        if (lock(content.holdIfFree(digest))
            && content.find(scope.namespace(), digest).isPresent()) {
          intend(item, ContentService.deleted(digest), intents);
        }
      }
      case "snapshot" -> takeSnapshot(item, intents);
      case "lease" -> {
        var payload = LeaseDeletedPayload.newBuilder().setId(item.id()).build();
        intend(item, new Event.LeaseDeleted(payload), intents);
      }
      default -> taken.add(item);
    }
  }

  private void takeSnapshot(GarbageCollector.Item item, List<Event> intents) {
    String snapshotter = item.id().substring(0, item.id().indexOf('/'));
    String key = item.id().substring(snapshotter.length() + 1);
    SnapshotService service = snapshotters.get(snapshotter);
    boolean free =
        service.children(scope.namespace(), key).stream()
            .allMatch(child -> takenSnapshots.contains(snapshotter + "/" + child));
    if (!free || !lock(service.holdIfFree(scope.namespace(), key))) {
      return;
    }
    Optional<SnapshotEntry> entry = service.entry(scope.namespace(), key);
    if (entry.isEmpty()) {
      return;
    }
    if (entry.get().getPhase() == SnapshotPhase.SNAPSHOT_PHASE_READY) {
      intend(item, SnapshotEvents.removing(entry.get().getSnapshot()), intents);
    } else if (entry.get().getPhase() == SnapshotPhase.SNAPSHOT_PHASE_REMOVING) {
      taken.add(item);
    } else {
      return;
    }
    records.put(item, entry.get().getSnapshot());
    takenSnapshots.add(item.id());
  }

  private void intend(GarbageCollector.Item item, Event intent, List<Event> intents) {
    intents.add(intent);
    intended.add(item);
    taken.add(item);
  }

  private boolean lock(Optional<KeyLocks.Held> lock) {
    lock.ifPresent(locks::push);
    return lock.isPresent();
  }

  /** Side by side: to free what a file takes of the disk is work for the kernel. */
  private void files(Set<String> held) {
    try (ExecutorService workers =
        Executors.newFixedThreadPool(Math.clamp(taken.size(), 1, AT_ONCE))) {
      List<Future<List<Event>>> ends =
          taken.stream().map(item -> workers.submit(() -> files(item, held))).toList();
      for (int i = 0; i < ends.size(); i++) {
        GarbageCollector.Item item = taken.get(i);
        try {
          outcomes.addAll(ends.get(i).get());
          removed.add(item);
        } catch (ExecutionException e) {
          if (!(e.getCause() instanceof Refusal refusal)) {
            throw new IllegalStateException(item.id() + " could not be removed", e.getCause());
          }
          LOG.warn(
              "{} {} is held by nothing and stays: {}", item.kind(), item.id(), refusal.sentence());
          failures.put(item, refusal.sentence());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the collection of garbage was interrupted; the next one goes on");
    }
  }

  /** Removes what an item has on the disk; answers what is to be recorded of that. */
  private List<Event> files(GarbageCollector.Item item, Set<String> held) {
    switch (item.kind()) {
      case "content" -> content.removeFile(Digest.parse(item.id()), held);
      case "snapshot" -> {
        String snapshotter = item.id().substring(0, item.id().indexOf('/'));
        return List.of(snapshotters.get(snapshotter).removeFiles(records.get(item)));
      }
      case "lease" -> {}
      default -> content.abort(scope.namespace(), item.id());
    }
    return List.of();
  }

  /** What is gone now. */
  List<GarbageCollector.Item> removed() {
    return removed;
  }

  /** What could not be removed, and why. */
  Map<GarbageCollector.Item, String> failures() {
    return failures;
  }

  /** What is to be recorded of the removal before this is closed. */
  List<Event> outcomes() {
    return outcomes;
  }

  /** Lets go of what was removed. */
  @Override
  public void close() {
    while (!locks.isEmpty()) {
      locks.pop().close();
    }
  }
}
