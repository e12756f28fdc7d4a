package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SnapshotCommittedPayload;
import dev.retainerd.eventlog.proto.SnapshotKind;
import dev.retainerd.eventlog.proto.SnapshotPreparingPayload;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.eventlog.proto.SnapshotUpdatedPayload;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Mount;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import dev.retainerd.runtime.snapshot.Purpose;
import dev.retainerd.runtime.snapshot.SnapshotFolders;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.SnapshotPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.Term;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Snapshots as the namespaces see them, in one snapshotter. A snapshot is active (to write), a view
 * (to read) or committed (to stand on); keys are unique in a namespace over all three.
 *
 * <p>Thread-safe. Semantics and refusals: containerd's snapshotter interface.
 */
public final class SnapshotService {
  /** The name by which clients ask for it. */
  public static final String SNAPSHOTTER = OverlayFolders.NAME;

  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);
  private static final int DEPTH_MAX = 500;

  private final Journal journal;
  private final SnapshotFolders folders;
  private final String snapshotter;
  private final KeyLocks locks = new KeyLocks();

  /**
   * Folder numbers are never used again: each costs at least one event, so that counting on from
   * the log's last sequence stays above all that were given.
   */
  private final AtomicLong lastFolder;

  public SnapshotService(Journal journal, SnapshotFolders folders) {
    this.journal = journal;
    this.folders = folders;
    this.snapshotter = folders.name();
    long[] highest = {journal.log().lastSequence()};
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            (key, entry) -> highest[0] = Math.max(highest[0], entry.getSnapshot().getFolder()));
    this.lastFolder = new AtomicLong(highest[0]);
  }

  /**
   * Makes a snapshot to write, and says what to mount for it.
   *
   * @param parent a committed snapshot's key; "" for none
   * @throws Refusal already exists, not found (the parent), invalid argument (a parent that is not
   *     committed)
   */
  public List<Mount> prepare(Scope scope, String key, String parent, Map<String, String> labels) {
    make(scope, key, parent, labels, SnapshotKind.SNAPSHOT_KIND_ACTIVE);
    return mounts(scope.namespace(), key);
  }

  /** Makes a snapshot to read; see {@link #prepare}. */
  public List<Mount> view(Scope scope, String key, String parent, Map<String, String> labels) {
    make(scope, key, parent, labels, SnapshotKind.SNAPSHOT_KIND_VIEW);
    return mounts(scope.namespace(), key);
  }

  private void make(
      Scope scope, String key, String parent, Map<String, String> labels, SnapshotKind kind) {
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      SnapshotRecord record = begin(scope, key, parent, labels, kind, commits(scope));
      commits(scope).accept(List.of(SnapshotEvents.prepared(record)));
      Failpoint.SNAPSHOT_PREPARED_RECORDED.hit();
    }
  }

  /** Up to its folder; nobody sees it before its outcome is recorded. */
  private SnapshotRecord begin(
      Scope scope,
      String key,
      String parent,
      Map<String, String> labels,
      SnapshotKind kind,
      Consumer<List<Event>> intents) {
    requireKey(key);
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      requireAbsent(scope.namespace(), key);
      SnapshotRecord record = record(key, parent, labels, kind);
      if (parent.isEmpty()) {
        intend(scope, record, intents);
      } else {
        // Against a removal of the parent, which looks for children under the same lock.
        try (KeyLocks.Held heldParent = hold(scope.namespace(), parent)) {
          requireCommitted(scope.namespace(), parent);
          intend(scope, record, intents);
        }
      }
      makeFolder(scope, record);
      return record;
    }
  }

  Consumer<List<Event>> commits(Scope scope) {
    return events -> journal.commit(scope.origin(), scope.namespace(), events);
  }

  /**
   * A snapshot to write whose folder is there.
   *
   * @param outcome to be recorded with that of what it was made for; before that nobody sees it
   */
  public record Made(List<Mount> mounts, Event outcome) {}

  /**
   * As {@link #prepare}, for what needs more than a snapshot, and one wait for the disk for all of
   * its intents, and one for all that came of them. If it throws, nothing of it is left.
   *
   * @param intents records these events together with others, and returns when they are durable
   */
  public Made prepareWith(
      Scope scope,
      String key,
      String parent,
      Map<String, String> labels,
      Consumer<List<Event>> intents) {
    SnapshotRecord record =
        begin(scope, key, parent, labels, SnapshotKind.SNAPSHOT_KIND_ACTIVE, intents);
    return new Made(
        folders.mounts(purpose(record), record.getFolder(), parents(scope.namespace(), record)),
        SnapshotEvents.prepared(record));
  }

  private void requireCommitted(String namespace, String parent) {
    if (stat(namespace, parent).getKind() != SnapshotKind.SNAPSHOT_KIND_COMMITTED) {
      throw Refusal.invalidArgument(
          "parent " + parent + " is not a committed snapshot; commit it first");
    }
  }

  SnapshotRecord record(String key, String parent, Map<String, String> labels, SnapshotKind kind) {
    Instant now = Instant.now();
    long nanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
    return SnapshotRecord.newBuilder()
        .setSnapshotter(snapshotter)
        .setKey(key)
        .setParent(parent)
        .setKind(kind)
        .putAllLabels(labels)
        .setCreatedAtNanos(nanos)
        .setUpdatedAtNanos(nanos)
        .setFolder(lastFolder.incrementAndGet())
        .build();
  }

  private void intend(Scope scope, SnapshotRecord record, Consumer<List<Event>> intents) {
    intents.accept(intent(scope, record));
    Failpoint.SNAPSHOT_INTENT_RECORDED.hit();
  }

  List<Event> intent(Scope scope, SnapshotRecord record) {
    return scope.holding(
        journal.state(),
        "snapshots/" + snapshotter,
        record.getKey(),
        new Event.SnapshotPreparing(
            SnapshotPreparingPayload.newBuilder().setSnapshot(record).build()));
  }

  private void makeFolder(Scope scope, SnapshotRecord record) {
    makeFolder(scope, record, purpose(record));
  }

  void makeFolder(Scope scope, SnapshotRecord record, Purpose purpose) {
    try {
      folders.make(record.getFolder(), purpose, nearest(scope.namespace(), record));
      Failpoint.SNAPSHOT_FOLDER_MADE.hit();
    } catch (IOException e) {
      undo(scope.origin(), scope.namespace(), record, "its folder could not be made");
      throw Faults.of("snapshot " + record.getKey() + " could not be made", e);
    }
  }

  private Optional<Long> nearest(String namespace, SnapshotRecord record) {
    return record.getParent().isEmpty()
        ? Optional.empty()
        : entry(namespace, record.getParent()).map(e -> e.getSnapshot().getFolder());
  }

  private void undo(Origin origin, String namespace, SnapshotRecord record, String reason) {
    try {
      folders.remove(record.getFolder());
    } catch (IOException e) {
      throw Faults.of("snapshot " + record.getKey() + " could not be taken back", e);
    }
    journal.commit(origin, namespace, SnapshotEvents.prepareFailed(record, reason));
  }

  /** The events by which an active snapshot becomes a committed one. */
  List<Event> committed(
      Scope scope, SnapshotRecord active, String name, Map<String, String> labels) {
    Usage usage = usage(active);
    return scope.holding(
        journal.state(),
        "snapshots/" + snapshotter,
        name,
        new Event.SnapshotCommitted(
            SnapshotCommittedPayload.newBuilder()
                .setSnapshotter(snapshotter)
                .setKey(active.getKey())
                .setName(name)
                .putAllLabels(labels)
                .setUsageBytes(usage.bytes())
                .setUsageInodes(usage.inodes())
                .build()));
  }

  /**
   * What to mount for a snapshot.
   *
   * @throws Refusal not found; failed precondition for a committed one
   */
  public List<Mount> mounts(String namespace, String key) {
    SnapshotRecord record = stat(namespace, key);
    if (record.getKind() == SnapshotKind.SNAPSHOT_KIND_COMMITTED) {
      throw Refusal.failedPrecondition(
          "snapshot " + key + " is committed and cannot be mounted; make a view of it");
    }
    return folders.mounts(purpose(record), record.getFolder(), parents(namespace, record));
  }

  /**
   * What to mount for that which an active snapshot was made on; nothing where that is an empty
   * tree. Nothing is made for it: it stays as long as the snapshot does.
   */
  public List<Mount> mountsBelow(String namespace, String key) {
    SnapshotRecord record = stat(namespace, key);
    List<Long> parents = parents(namespace, record);
    return parents.isEmpty()
        ? List.of()
        : folders.mounts(Purpose.VIEW, record.getFolder(), parents);
  }

  private List<Long> parents(String namespace, SnapshotRecord record) {
    List<Long> found = new ArrayList<>();
    String parent = record.getParent();
    while (!parent.isEmpty()) {
      SnapshotRecord below = stat(namespace, parent);
      found.add(below.getFolder());
      if (found.size() > DEPTH_MAX) {
        throw Refusal.failedPrecondition(
            "snapshot " + record.getKey() + " stands on more than " + DEPTH_MAX + " others");
      }
      parent = below.getParent();
    }
    return found;
  }

  /**
   * Makes an active snapshot a committed one of that name, once its files are on disk.
   *
   * @throws Refusal not found, already exists, failed precondition for one that is not active
   */
  public void commit(Scope scope, String name, String key, Map<String, String> labels) {
    requireKey(name);
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      // In this order, so that a commit that is repeated hears that it was done.
      requireAbsent(scope.namespace(), name);
      SnapshotRecord active = active(scope.namespace(), key);
      sync(active);
      journal.commit(scope.origin(), scope.namespace(), committed(scope, active, name, labels));
      Failpoint.SNAPSHOT_COMMITTED_RECORDED.hit();
    }
  }

  private SnapshotRecord active(String namespace, String key) {
    SnapshotRecord record = stat(namespace, key);
    if (record.getKind() != SnapshotKind.SNAPSHOT_KIND_ACTIVE) {
      throw Refusal.failedPrecondition(
          "snapshot " + key + " is not active and cannot be committed");
    }
    return record;
  }

  /** Waits until its files, and those of all that are beside it, are on disk. */
  void sync(SnapshotRecord record) {
    try {
      folders.sync(record.getFolder());
    } catch (IOException e) {
      throw Faults.of("snapshot " + record.getKey() + " did not reach the disk", e);
    }
  }

  Path files(SnapshotRecord record) {
    return folders.files(record.getFolder());
  }

  /**
   * Removes a snapshot and its files.
   *
   * @throws Refusal not found; failed precondition where others stand on it
   */
  public void remove(Scope scope, String key) {
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      remove(scope, key, commits(scope), commits(scope));
    }
  }

  /** Under its lock. */
  private void remove(
      Scope scope, String key, Consumer<List<Event>> intents, Consumer<List<Event>> outcomes) {
    SnapshotRecord record = stat(scope.namespace(), key);
    String child = child(scope.namespace(), key);
    if (!child.isEmpty()) {
      throw Refusal.failedPrecondition(
          "snapshot " + key + " has children, such as " + child + "; remove those first");
    }
    intents.accept(List.of(SnapshotEvents.removing(record)));
    Failpoint.SNAPSHOT_REMOVE_RECORDED.hit();
    finishRemoval(record, outcomes);
  }

  /**
   * As {@link #removeIfThere}, for what has more to remove than a snapshot, and one wait for the
   * disk for all of its intents, and one for all that came of them.
   *
   * @param intents records these events, of which there may be none, together with others
   * @param outcomes likewise, when the files are gone
   */
  public void removeWith(
      Scope scope, String key, Consumer<List<Event>> intents, Consumer<List<Event>> outcomes) {
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      boolean ready =
          entry(scope.namespace(), key)
              .filter(e -> e.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_READY)
              .isPresent();
      if (ready) {
        remove(scope, key, intents, outcomes);
        return;
      }
      intents.accept(List.of());
      removeIfThere(scope, key);
      outcomes.accept(List.of());
    }
  }

  private void finishRemoval(SnapshotRecord record, Consumer<List<Event>> outcomes) {
    try {
      folders.remove(record.getFolder());
    } catch (IOException e) {
      throw Faults.of("the files of snapshot " + record.getKey() + " could not be removed", e);
    }
    Failpoint.SNAPSHOT_FOLDER_REMOVED.hit();
    outcomes.accept(List.of(SnapshotEvents.removed(record)));
  }

  /** Keys of snapshots whose removal began and did not end. */
  List<String> halfRemoved(String namespace) {
    return inPhase(namespace, SnapshotPhase.SNAPSHOT_PHASE_REMOVING).stream()
        .map(SnapshotRecord::getKey)
        .toList();
  }

  /**
   * Removes the files of a snapshot whose removal is recorded; its lock is held.
   *
   * @return the outcome, to be recorded
   */
  Event removeFiles(SnapshotRecord record) {
    List<Event> outcome = new ArrayList<>(1);
    finishRemoval(record, outcome::addAll);
    return outcome.getFirst();
  }

  /** Removes a snapshot where it is there, for undoing; a removal under way is finished. */
  public void removeIfThere(Scope scope, String key) {
    Optional<SnapshotEntry> entry = entry(scope.namespace(), key);
    if (entry.isEmpty()) {
      return;
    }
    switch (entry.get().getPhase()) {
      case SNAPSHOT_PHASE_PREPARING ->
          undo(scope.origin(), scope.namespace(), entry.get().getSnapshot(), "taken back");
      case SNAPSHOT_PHASE_REMOVING -> finishRemoval(entry.get().getSnapshot(), commits(scope));
      default -> remove(scope, key);
    }
  }

  private String child(String namespace, String key) {
    List<String> found = children(namespace, key);
    return found.isEmpty() ? "" : found.getLast();
  }

  /** The keys of those that stand on it, in whatever phase. */
  List<String> children(String namespace, String key) {
    List<String> found = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            namespace,
            Term.onParent(key),
            (id, entry) -> {
              if (id.startsWith(snapshotter + "/")) {
                found.add(entry.getSnapshot().getKey());
              }
            });
    return found;
  }

  /** The name by which clients ask for it. */
  public String snapshotter() {
    return snapshotter;
  }

  /** See {@link SnapshotFolders#holdsDifferences}. */
  boolean holdsDifferences() {
    return folders.holdsDifferences();
  }

  /** Whether there is a snapshot of that key, in whatever phase. */
  boolean exists(String namespace, String key) {
    return entry(namespace, key).isPresent();
  }

  /** Whether there is a committed snapshot of that name. */
  public boolean isCommitted(String namespace, String name) {
    return entry(namespace, name)
        .filter(e -> e.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_READY)
        .filter(e -> e.getSnapshot().getKind() == SnapshotKind.SNAPSHOT_KIND_COMMITTED)
        .isPresent();
  }

  /** A snapshot's record; not found also while it is being made. */
  public SnapshotRecord stat(String namespace, String key) {
    return entry(namespace, key)
        .filter(e -> e.getPhase() == SnapshotPhase.SNAPSHOT_PHASE_READY)
        .map(SnapshotEntry::getSnapshot)
        .orElseThrow(() -> Refusal.notFound("snapshot " + key + " does not exist"));
  }

  /** Replaces the labels; the record after that. */
  public SnapshotRecord update(Scope scope, String key, Map<String, String> labels) {
    try (KeyLocks.Held held = hold(scope.namespace(), key)) {
      stat(scope.namespace(), key);
      journal.commit(
          scope.origin(),
          scope.namespace(),
          new Event.SnapshotUpdated(
              SnapshotUpdatedPayload.newBuilder()
                  .setSnapshotter(snapshotter)
                  .setKey(key)
                  .putAllLabels(labels)
                  .build()));
      return stat(scope.namespace(), key);
    }
  }

  /**
   * What a snapshot takes of the disk, without its parents; that of a committed one is recorded.
   */
  public Usage usage(String namespace, String key) {
    return usage(stat(namespace, key));
  }

  private Usage usage(SnapshotRecord record) {
    if (record.getKind() == SnapshotKind.SNAPSHOT_KIND_COMMITTED) {
      return new Usage(record.getUsageBytes(), record.getUsageInodes());
    }
    try {
      return folders.usage(record.getFolder());
    } catch (IOException e) {
      throw Faults.of("the files of snapshot " + record.getKey() + " cannot be counted", e);
    }
  }

  /** What all snapshots of a namespace take together. */
  public Usage usageOfAll(String namespace) {
    long bytes = 0;
    long inodes = 0;
    for (SnapshotRecord record : list(namespace)) {
      Usage usage = usage(record);
      bytes += usage.bytes();
      inodes += usage.inodes();
    }
    return new Usage(bytes, inodes);
  }

  /** Removes, in all namespaces, the snapshots whose keys begin so; how many there were. */
  int removeAllOf(Origin origin, String keyPrefix) {
    List<Key<SnapshotEntry>> found = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            (key, entry) -> {
              if (isOurs(key) && entry.getSnapshot().getKey().startsWith(keyPrefix)) {
                found.add(key);
              }
            });
    for (Key<SnapshotEntry> key : found) {
      String name = key.id().substring(snapshotter.length() + 1);
      removeIfThere(Scope.of(origin, key.namespace()), name);
    }
    return found.size();
  }

  /** Every snapshot of the namespace that is ready, in order of key. */
  public List<SnapshotRecord> list(String namespace) {
    return inPhase(namespace, SnapshotPhase.SNAPSHOT_PHASE_READY);
  }

  private List<SnapshotRecord> inPhase(String namespace, SnapshotPhase phase) {
    List<SnapshotRecord> found = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            namespace,
            snapshotter + "/",
            (id, entry) -> {
              if (entry.getPhase() == phase) {
                found.add(entry.getSnapshot());
              }
            });
    return found;
  }

  /**
   * Finishes what an earlier daemon left: undoes snapshots that were being made, finishes removals,
   * makes folders again that a power cut took, and removes those that no snapshot owns. Before any
   * client is served.
   *
   * @return how many intents were undone or finished
   */
  public int recover(Origin origin) {
    int[] settled = new int[1];
    Set<Long> owned = new HashSet<>();
    List<Runnable> work = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            (key, entry) -> {
              SnapshotRecord record = entry.getSnapshot();
              if (!isOurs(key)) {
                return;
              }
              switch (entry.getPhase()) {
                case SNAPSHOT_PHASE_PREPARING ->
                    work.add(
                        () -> undo(origin, key.namespace(), record, "the daemon ended meanwhile"));
                case SNAPSHOT_PHASE_REMOVING ->
                    work.add(
                        () -> finishRemoval(record, commits(Scope.of(origin, key.namespace()))));
                default -> owned.add(record.getFolder());
              }
            });
    work.forEach(
        step -> {
          step.run();
          settled[0]++;
        });
    try {
      folders.sweep();
      for (long folder : folders.list()) {
        if (!owned.contains(folder)) {
          folders.remove(folder);
        }
      }
    } catch (IOException e) {
      throw Faults.of("folders that no snapshot owns could not be removed", e);
    }
    remakeLost();
    return settled[0];
  }

  /**
   * The record was durable before the folder's name was: an active one is empty then, and is made.
   */
  private void remakeLost() {
    journal
        .state()
        .forEach(
            Kind.SNAPSHOT,
            (key, entry) -> {
              SnapshotRecord record = entry.getSnapshot();
              boolean lost =
                  isOurs(key)
                      && record.getKind() != SnapshotKind.SNAPSHOT_KIND_COMMITTED
                      && !folders.exists(record.getFolder());
              if (lost) {
                try {
                  folders.make(
                      record.getFolder(), purpose(record), nearest(key.namespace(), record));
                } catch (IOException e) {
                  throw Faults.of("snapshot " + record.getKey() + " could not be made again", e);
                }
              }
            });
  }

  private boolean isOurs(Key<SnapshotEntry> key) {
    return key.id().startsWith(snapshotter + "/");
  }

  private static Purpose purpose(SnapshotRecord record) {
    return record.getKind() == SnapshotKind.SNAPSHOT_KIND_VIEW ? Purpose.VIEW : Purpose.ACTIVE;
  }

  Optional<SnapshotEntry> entry(String namespace, String key) {
    return journal.state().get(keyOf(namespace, key));
  }

  private Key<SnapshotEntry> keyOf(String namespace, String key) {
    return Kind.SNAPSHOT.key(namespace, snapshotter + "/" + key);
  }

  private static void requireKey(String key) {
    if (key.isEmpty()) {
      throw Refusal.invalidArgument("a snapshot needs a key; give one");
    }
  }

  private void requireAbsent(String namespace, String key) {
    if (entry(namespace, key).isPresent()) {
      throw Refusal.alreadyExists("snapshot " + key + " exists already");
    }
  }

  KeyLocks.Held hold(String namespace, String key) {
    return locks.hold("snapshot " + namespace + "/" + key, LOCK_PATIENCE);
  }

  /** Its lock, where nobody has it; empty where somebody is at it. */
  Optional<KeyLocks.Held> holdIfFree(String namespace, String key) {
    return locks.holdIfFree("snapshot " + namespace + "/" + key);
  }
}
