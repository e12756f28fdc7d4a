package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContentCommittedPayload;
import dev.retainerd.eventlog.proto.ContentDeletedPayload;
import dev.retainerd.eventlog.proto.ContentUpdatedPayload;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.content.Ingest;
import dev.retainerd.runtime.content.IngestStatus;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Content as the namespaces see it. The blob itself is shared: each namespace that committed it has
 * its own record with labels, and the blob goes with the last record.
 *
 * <p>Thread-safe. Refuses with not found for what the namespace does not hold, even where another
 * one does. Semantics: containerd's content service.
 */
public final class ContentService {
  /** As leases name the kind of what they hold. */
  private static final String CONTENT = "content";

  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);

  private final Journal journal;
  private final ContentStore store;
  private final KeyLocks locks = new KeyLocks();

  public ContentService(Journal journal, ContentStore store) {
    this.journal = journal;
    this.store = store;
  }

  /** What the namespace knows of a blob, or empty. */
  public Optional<ContentEntry> find(String namespace, Digest digest) {
    return journal.state().get(Kind.CONTENT.key(namespace, digest.toString()));
  }

  /** As {@link #find}; not found where there is nothing. */
  public ContentEntry info(String namespace, Digest digest) {
    return find(namespace, digest)
        .orElseThrow(() -> Refusal.notFound("content " + digest + " does not exist"));
  }

  /** Everything the namespace holds, in order of digest. */
  public List<ContentEntry> list(String namespace) {
    return journal.state().list(Kind.CONTENT, namespace);
  }

  /** Replaces the labels; the entry after that. */
  public ContentEntry update(Scope scope, Digest digest, Map<String, String> labels) {
    try (KeyLocks.Held held = hold(digest)) {
      info(scope.namespace(), digest);
      journal.commit(
          scope.origin(),
          scope.namespace(),
          new Event.ContentUpdated(
              ContentUpdatedPayload.newBuilder()
                  .setDigest(digest.toString())
                  .putAllLabels(labels)
                  .build()));
      return info(scope.namespace(), digest);
    }
  }

  /** Takes the blob from the namespace, and from the disk where no other holds it. */
  public void delete(Scope scope, Digest digest) {
    try (KeyLocks.Held held = hold(digest)) {
      info(scope.namespace(), digest);
      journal.commit(scope.origin(), scope.namespace(), deleted(digest));
      Failpoint.CONTENT_DELETED_RECORDED.hit();
      if (!heldAnywhere(digest)) {
        store.delete(digest);
      }
    } catch (IOException e) {
      throw Faults.of("content " + digest + " could not be removed from the disk", e);
    }
  }

  private boolean heldAnywhere(Digest digest) {
    boolean[] found = new boolean[1];
    journal
        .state()
        .forEach(Kind.CONTENT, (key, entry) -> found[0] |= key.id().equals(digest.toString()));
    return found[0];
  }

  /** Opens a blob to read at any offset; the caller closes it. */
  public FileChannel open(String namespace, Digest digest) {
    info(namespace, digest);
    try {
      return store.open(digest);
    } catch (IOException e) {
      throw Faults.of("content " + digest + " cannot be read", e);
    }
  }

  /** The whole of a small blob; out of range where it is larger than {@code mostBytes}. */
  public byte[] bytes(String namespace, Digest digest, int mostBytes) {
    info(namespace, digest);
    try {
      return store.bytes(digest, mostBytes);
    } catch (IOException e) {
      throw Faults.of("content " + digest + " cannot be read", e);
    }
  }

  /**
   * Begins to write a blob, or goes on with an ingest of that ref.
   *
   * @param ref the writer's name for it, unique in the namespace
   * @param total bytes it will have; 0 where unknown
   * @throws Refusal already exists, where the namespace holds the expected blob; unavailable, where
   *     the ref has a writer
   */
  public ContentWriter write(String namespace, String ref, long total, Optional<Digest> expected) {
    if (expected.isPresent() && find(namespace, expected.get()).isPresent()) {
      throw Refusal.alreadyExists("content " + expected.get() + " exists already");
    }
    if (ref.isEmpty()) {
      throw Refusal.invalidArgument("an ingest needs a ref to be known by; give one");
    }
    try {
      if (expected.isPresent() && store.has(expected.get())) {
        // Another namespace has it: nothing needs to be sent, only recorded.
        long size = store.size(expected.get()).orElse(0);
        return new ContentWriter(
            this, ref, namespace, new ContentWriter.Known(expected.get(), size));
      }
      return new ContentWriter(this, ref, namespace, ingest(namespace, ref, total, expected));
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be written", e);
    }
  }

  Ingest ingest(String namespace, String ref, long total, Optional<Digest> expected)
      throws IOException {
    return store.ingest(namespace + "/" + ref, total, expected);
  }

  /** How far an ingest is; not found where there is none. */
  public IngestStatus status(String namespace, String ref) {
    try {
      return store
          .status(namespace + "/" + ref)
          .map(status -> local(namespace, status))
          .orElseThrow(() -> Refusal.notFound("ingest \"" + ref + "\" does not exist"));
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be read", e);
    }
  }

  /** Every ingest of the namespace, in no order. */
  public List<IngestStatus> statuses(String namespace) {
    try {
      return store.statuses(namespace + "/").stream().map(s -> local(namespace, s)).toList();
    } catch (IOException e) {
      throw Faults.of("the ingests cannot be listed", e);
    }
  }

  private static IngestStatus local(String namespace, IngestStatus status) {
    return new IngestStatus(
        status.ref().substring(namespace.length() + 1),
        status.offset(),
        status.total(),
        status.expected(),
        status.startedAt(),
        status.updatedAt());
  }

  /** Ends an ingest and gives its space back; not found where there is none. */
  public void abort(String namespace, String ref) {
    try {
      if (!store.abort(namespace + "/" + ref)) {
        throw Refusal.notFound("ingest \"" + ref + "\" does not exist");
      }
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be removed", e);
    }
  }

  /**
   * Keeps some bytes as a blob with these labels; where the namespace holds it, adds the labels.
   */
  public Digest put(Scope scope, byte[] bytes, Map<String, String> labels) {
    try {
      Digest digest = Digest.of(bytes);
      try (KeyLocks.Held held = hold(digest)) {
        store.put(bytes);
        record(scope, digest, bytes.length, labels);
      }
      return digest;
    } catch (IOException e) {
      throw Faults.of("a blob of " + bytes.length + " bytes could not be written", e);
    }
  }

  /**
   * Makes a blob that is on disk the namespace's, or adds labels to the record there is.
   *
   * @return false where the blob is not on disk
   */
  public boolean adopt(Scope scope, Digest digest, Map<String, String> labels) {
    try (KeyLocks.Held held = hold(digest)) {
      if (!store.has(digest)) {
        return false;
      }
      record(scope, digest, store.size(digest).orElse(0), labels);
      return true;
    } catch (IOException e) {
      throw Faults.of("content " + digest + " cannot be read", e);
    }
  }

  private void record(Scope scope, Digest digest, long size, Map<String, String> labels) {
    Optional<ContentEntry> before = find(scope.namespace(), digest);
    if (before.isEmpty()) {
      recordCommit(scope, digest, size, labels);
      return;
    }
    List<Event> events = new ArrayList<>(2);
    if (!before.get().getLabelsMap().entrySet().containsAll(labels.entrySet())) {
      Map<String, String> all = new TreeMap<>(before.get().getLabelsMap());
      all.putAll(labels);
      events.add(
          new Event.ContentUpdated(
              ContentUpdatedPayload.newBuilder()
                  .setDigest(digest.toString())
                  .putAllLabels(all)
                  .build()));
    }
    scope.hold(journal.state(), CONTENT, digest.toString()).ifPresent(events::add);
    if (!events.isEmpty()) {
      journal.commit(scope.origin(), scope.namespace(), events);
    }
  }

  /**
   * Lets the scope's lease hold a blob that the namespace has already, so that it stays while the
   * lease's owner counts on it.
   *
   * @throws Refusal not found, where it does not have it any more
   */
  public void keep(Scope scope, Digest digest) {
    try (KeyLocks.Held held = hold(digest)) {
      info(scope.namespace(), digest);
      keepHeld(scope, digest);
    }
  }

  /** As {@link #keep}; the blob's lock is held. */
  void keepHeld(Scope scope, Digest digest) {
    scope
        .hold(journal.state(), CONTENT, digest.toString())
        .ifPresent(event -> journal.commit(scope.origin(), scope.namespace(), event));
  }

  /** Records a commit; the blob is on disk and its lock is held. */
  void recordCommit(Scope scope, Digest digest, long size, Map<String, String> labels) {
    journal.commit(
        scope.origin(),
        scope.namespace(),
        scope.holding(
            journal.state(),
            CONTENT,
            digest.toString(),
            new Event.ContentCommitted(
                ContentCommittedPayload.newBuilder()
                    .setDigest(digest.toString())
                    .setSize(size)
                    .putAllLabels(labels)
                    .build())));
    Failpoint.CONTENT_COMMITTED_RECORDED.hit();
  }

  KeyLocks.Held hold(Digest digest) {
    return locks.hold("content " + digest, LOCK_PATIENCE);
  }

  /** Its lock, where nobody has it; empty where somebody is at it. */
  Optional<KeyLocks.Held> holdIfFree(Digest digest) {
    return locks.holdIfFree("content " + digest);
  }

  static Event deleted(Digest digest) {
    return new Event.ContentDeleted(
        ContentDeletedPayload.newBuilder().setDigest(digest.toString()).build());
  }

  /**
   * Takes a blob whose deletion is recorded from the disk; its lock is held.
   *
   * @param held every digest that some namespace holds
   */
  void removeFile(Digest digest, Set<String> held) {
    try {
      if (!held.contains(digest.toString())) {
        store.delete(digest);
      }
    } catch (IOException e) {
      throw Faults.of("content " + digest + " could not be removed from the disk", e);
    }
  }

  /** Every digest that some namespace holds. */
  Set<String> heldAnywhere() {
    Set<String> held = new HashSet<>();
    journal.state().forEach(Kind.CONTENT, (key, entry) -> held.add(key.id()));
    return held;
  }

  /**
   * Removes blobs that no namespace holds: those of commits that a kill kept from being recorded.
   * Before any client is served.
   *
   * @return how many
   */
  public int sweep() {
    Set<String> held = heldAnywhere();
    int swept = 0;
    try {
      for (Digest digest : store.list()) {
        if (!held.contains(digest.toString())) {
          store.delete(digest);
          swept++;
        }
      }
    } catch (IOException e) {
      throw Faults.of("blobs that nobody holds could not be removed", e);
    }
    return swept;
  }
}
