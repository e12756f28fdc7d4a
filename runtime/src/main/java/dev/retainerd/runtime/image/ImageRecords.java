package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.ImageCreatedPayload;
import dev.retainerd.eventlog.proto.ImageDeletedPayload;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.eventlog.proto.ImageUpdatedPayload;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ImageEntry;
import dev.retainerd.store.state.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The names of images: each points at a manifest or an index in the content of its namespace.
 * Thread-safe. Semantics: containerd's image service, which takes names as they are given.
 */
public final class ImageRecords {
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);

  private final Journal journal;
  private final KeyLocks locks = new KeyLocks();

  public ImageRecords(Journal journal) {
    this.journal = journal;
  }

  /** The image of that name, or empty. */
  public Optional<ImageRecord> find(String namespace, String name) {
    return journal.state().get(Kind.IMAGE.key(namespace, name)).map(ImageEntry::getImage);
  }

  /** As {@link #find}; not found where there is none. */
  public ImageRecord get(String namespace, String name) {
    return find(namespace, name)
        .orElseThrow(() -> Refusal.notFound("image \"" + name + "\" does not exist"));
  }

  /** Every image of the namespace, in order of name. */
  public List<ImageRecord> list(String namespace) {
    return journal.state().list(Kind.IMAGE, namespace).stream().map(ImageEntry::getImage).toList();
  }

  /** Gives an image its name; already exists where the name is taken. Times are set here. */
  public ImageRecord create(
      Scope scope, String name, Descriptor target, Map<String, String> labels) {
    check(name, target);
    try (KeyLocks.Held held = hold(scope, name)) {
      if (find(scope.namespace(), name).isPresent()) {
        throw Refusal.alreadyExists("image \"" + name + "\" exists already");
      }
      return created(scope, name, target, labels);
    }
  }

  private ImageRecord created(
      Scope scope, String name, Descriptor target, Map<String, String> labels) {
    long now = now();
    ImageRecord record =
        ImageRecord.newBuilder()
            .setName(name)
            .setTarget(target)
            .putAllLabels(labels)
            .setCreatedAtNanos(now)
            .setUpdatedAtNanos(now)
            .build();
    journal.commit(
        scope.origin(),
        scope.namespace(),
        new Event.ImageCreated(ImageCreatedPayload.newBuilder().setImage(record).build()));
    return record;
  }

  /** Replaces target and labels; not found where there is no such name. */
  public ImageRecord update(
      Scope scope, String name, Descriptor target, Map<String, String> labels) {
    check(name, target);
    try (KeyLocks.Held held = hold(scope, name)) {
      return updated(scope, get(scope.namespace(), name), target, labels);
    }
  }

  private ImageRecord updated(
      Scope scope, ImageRecord before, Descriptor target, Map<String, String> labels) {
    ImageRecord record =
        before.toBuilder()
            .setTarget(target)
            .clearLabels()
            .putAllLabels(labels)
            .setUpdatedAtNanos(now())
            .build();
    journal.commit(
        scope.origin(),
        scope.namespace(),
        new Event.ImageUpdated(ImageUpdatedPayload.newBuilder().setImage(record).build()));
    return record;
  }

  /** Makes the name point there, whether it is taken or not; labels are added to those it has. */
  public ImageRecord put(Scope scope, String name, Descriptor target, Map<String, String> labels) {
    check(name, target);
    try (KeyLocks.Held held = hold(scope, name)) {
      Optional<ImageRecord> before = find(scope.namespace(), name);
      if (before.isEmpty()) {
        return created(scope, name, target, labels);
      }
      Map<String, String> all = new TreeMap<>(before.get().getLabelsMap());
      all.putAll(labels);
      boolean same =
          before.get().getTarget().equals(target) && before.get().getLabelsMap().equals(all);
      return same ? before.get() : updated(scope, before.get(), target, all);
    }
  }

  /** Takes the name away; not found where there is none. Content and snapshots stay. */
  public void delete(Scope scope, String name) {
    try (KeyLocks.Held held = hold(scope, name)) {
      get(scope.namespace(), name);
      journal.commit(
          scope.origin(),
          scope.namespace(),
          new Event.ImageDeleted(ImageDeletedPayload.newBuilder().setName(name).build()));
    }
  }

  private static void check(String name, Descriptor target) {
    if (name.isEmpty()) {
      throw Refusal.invalidArgument("an image needs a name; give one");
    }
    Digest.parse(target.getDigest());
    if (target.getMediaType().isEmpty()) {
      throw Refusal.invalidArgument("the target of image \"" + name + "\" has no media type");
    }
    if (target.getSize() <= 0) {
      throw Refusal.invalidArgument("the target of image \"" + name + "\" has no size");
    }
  }

  private static long now() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  private KeyLocks.Held hold(Scope scope, String name) {
    return locks.hold("image " + scope.namespace() + "/" + name, LOCK_PATIENCE);
  }
}
