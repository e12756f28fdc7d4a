package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.proto.LeaseResource;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes content and snapshots of a namespace that nothing holds any more. What holds: images,
 * containers, leases, things labelled as roots, and what those refer to by containerd's labels.
 *
 * <p>Thread-safe. One failure is logged and does not keep the rest from being collected.
 */
public final class GarbageCollector {
  private static final Logger LOG = LoggerFactory.getLogger(GarbageCollector.class);

  private final Journal journal;
  private final ContentService content;
  private final SnapshotService snapshots;

  /** Pulls hold the read side: what they make has no name until they end. */
  private final ReadWriteLock pausing = new ReentrantReadWriteLock();

  public GarbageCollector(Journal journal, ContentService content, SnapshotService snapshots) {
    this.journal = journal;
    this.content = content;
    this.snapshots = snapshots;
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

  /** What a collection removed. */
  public record Collected(int blobs, int snapshots) {}

  /**
   * Collects now; does nothing while a pull is under way, whose end is a better moment.
   *
   * @return what was removed
   */
  public Collected collect(Origin origin, String namespace) {
    if (!pausing.writeLock().tryLock()) {
      return new Collected(0, 0);
    }
    try {
      Mark mark = new Mark(journal.state(), namespace, Instant.now());
      Scope scope = Scope.of(origin, namespace);
      int removedSnapshots = sweepSnapshots(scope, mark);
      return new Collected(sweepContent(scope, mark), removedSnapshots);
    } finally {
      pausing.writeLock().unlock();
    }
  }

  private int sweepSnapshots(Scope scope, Mark mark) {
    int removed = 0;
    boolean again = true;
    // Children before their parents: each round takes away those that nothing stands on.
    while (again) {
      again = false;
      Set<String> parents = new HashSet<>();
      List<SnapshotRecord> all = snapshots.list(scope.namespace());
      all.forEach(record -> parents.add(record.getParent()));
      for (SnapshotRecord record : all) {
        String key = record.getKey();
        if (!mark.snapshots.contains(key) && !parents.contains(key)) {
          boolean gone = tried("snapshot " + key, () -> snapshots.remove(scope, key));
          again |= gone;
          removed += gone ? 1 : 0;
        }
      }
    }
    return removed;
  }

  private int sweepContent(Scope scope, Mark mark) {
    int removed = 0;
    for (ContentEntry entry : content.list(scope.namespace())) {
      String digest = entry.getDigest();
      if (!mark.content.contains(digest)
          && tried("content " + digest, () -> content.delete(scope, Digest.parse(digest)))) {
        removed++;
      }
    }
    return removed;
  }

  private static boolean tried(String what, Runnable removal) {
    try {
      removal.run();
      return true;
    } catch (Refusal e) {
      LOG.warn("{} is held by nothing and could not be removed: {}", what, e.sentence());
      return false;
    }
  }

  /** Finds everything that is held. */
  private static final class Mark {
    private final Set<String> content = new HashSet<>();
    private final Set<String> snapshots = new HashSet<>();
    private final Map<String, ContentEntry> contentEntries = new HashMap<>();
    private final Map<String, SnapshotRecord> snapshotRecords = new HashMap<>();
    private final Deque<Runnable> pending = new ArrayDeque<>();

    Mark(NodeState state, String namespace, Instant now) {
      state
          .list(Kind.CONTENT, namespace)
          .forEach(entry -> contentEntries.put(entry.getDigest(), entry));
      state
          .list(Kind.SNAPSHOT, namespace)
          .forEach(e -> snapshotRecords.put(e.getSnapshot().getKey(), e.getSnapshot()));
      state
          .list(Kind.IMAGE, namespace)
          .forEach(
              entry -> {
                content(entry.getImage().getTarget().getDigest());
                labels(entry.getImage().getLabelsMap());
              });
      state.list(Kind.CONTAINER, namespace).forEach(entry -> container(entry.getContainer()));
      state.list(Kind.LEASE, namespace).forEach(lease -> lease(lease, now));
      contentEntries.values().stream()
          .filter(entry -> entry.containsLabels(GcLabels.ROOT))
          .forEach(entry -> content(entry.getDigest()));
      snapshotRecords.values().stream()
          .filter(record -> record.containsLabels(GcLabels.ROOT))
          .forEach(record -> snapshot(record.getKey()));
      while (!pending.isEmpty()) {
        pending.removeFirst().run();
      }
    }

    private void container(ContainerRecord container) {
      labels(container.getLabelsMap());
      if (container.getSnapshotter().equals(SnapshotService.SNAPSHOTTER)) {
        snapshot(container.getSnapshotKey());
      }
    }

    private void lease(LeaseEntry lease, Instant now) {
      if (isExpired(lease, now)) {
        return;
      }
      boolean flat = lease.containsLabels(GcLabels.FLAT);
      for (LeaseResource resource : lease.getResourcesList()) {
        if (resource.getType().equals("content")) {
          if (flat) {
            content.add(resource.getId());
          } else {
            content(resource.getId());
          }
        } else if (resource.getType().equals("snapshots/" + SnapshotService.SNAPSHOTTER)) {
          snapshot(resource.getId());
        }
      }
    }

    private static boolean isExpired(LeaseEntry lease, Instant now) {
      String until = lease.getLabelsOrDefault(GcLabels.EXPIRE, "");
      try {
        return !until.isEmpty() && Instant.parse(until).isBefore(now);
      } catch (DateTimeParseException e) {
        return false;
      }
    }

    private void content(String digest) {
      if (content.add(digest) && contentEntries.containsKey(digest)) {
        pending.add(() -> labels(contentEntries.get(digest).getLabelsMap()));
      }
    }

    private void snapshot(String key) {
      if (!key.isEmpty() && snapshots.add(key) && snapshotRecords.containsKey(key)) {
        pending.add(
            () -> {
              snapshot(snapshotRecords.get(key).getParent());
              labels(snapshotRecords.get(key).getLabelsMap());
            });
      }
    }

    private void labels(Map<String, String> labels) {
      labels.forEach(
          (name, value) -> {
            if (name.startsWith(GcLabels.CONTENT)) {
              content(value);
            } else if (name.startsWith(GcLabels.SNAPSHOT)) {
              snapshot(value);
            }
          });
    }
  }
}
