package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.proto.LeaseResource;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Who holds what in a namespace at one moment. Roots are images, containers, leases that have not
 * expired, and things labelled as roots; they hold what their labels refer to, and that in turn.
 * Pure, but for the state it is given; immutable once made. Source: containerd's garbage collection
 * of metadata, with its labels.
 */
final class Holdings {
  private static final int CHAINS_MAX = 20;

  /**
   * A blob, a snapshot, or a root.
   *
   * @param kind image, container, lease, label; content; snapshot
   * @param id of a snapshot: SNAPSHOTTER/KEY
   */
  record Thing(String kind, String id) {
    static Thing content(String digest) {
      return new Thing("content", digest);
    }

    static Thing snapshot(String snapshotter, String key) {
      return new Thing("snapshot", snapshotter + "/" + key);
    }

    @Override
    public String toString() {
      return kind + " " + id;
    }
  }

  private final Map<String, ContentEntry> contentEntries = new HashMap<>();
  private final Map<String, SnapshotRecord> snapshotRecords = new HashMap<>();

  /** Each held thing with all that hold it directly. */
  private final Map<Thing, Set<Thing>> holders = new HashMap<>();

  private final Deque<Thing> pending = new ArrayDeque<>();

  private Holdings() {}

  /** What is held in the namespace at that time. */
  static Holdings of(StateView state, String namespace, Instant now) {
    Holdings holdings = new Holdings();
    state.forEach(
        Kind.CONTENT, namespace, "", (id, e) -> holdings.contentEntries.put(e.getDigest(), e));
    state.forEach(
        Kind.SNAPSHOT,
        namespace,
        "",
        (id, e) ->
            holdings.snapshotRecords.put(
                Thing.snapshot(e.getSnapshot().getSnapshotter(), e.getSnapshot().getKey()).id(),
                e.getSnapshot()));
    holdings.roots(state, namespace, now);
    while (!holdings.pending.isEmpty()) {
      holdings.follow(holdings.pending.removeFirst());
    }
    return holdings;
  }

  private void roots(StateView state, String namespace, Instant now) {
    state.forEach(
        Kind.IMAGE,
        namespace,
        "",
        (id, entry) -> {
          Thing image = new Thing("image", entry.getImage().getName());
          hold(image, Thing.content(entry.getImage().getTarget().getDigest()));
          labels(image, entry.getImage().getLabelsMap());
        });
    state.forEach(
        Kind.CONTAINER,
        namespace,
        "",
        (id, entry) -> {
          Thing container = new Thing("container", entry.getContainer().getId());
          labels(container, entry.getContainer().getLabelsMap());
          if (!entry.getContainer().getSnapshotKey().isEmpty()) {
            hold(
                container,
                Thing.snapshot(
                    entry.getContainer().getSnapshotter(), entry.getContainer().getSnapshotKey()));
          }
        });
    state.forEach(
        Kind.LEASE,
        namespace,
        "",
        (id, lease) -> {
          if (!isExpired(lease, now)) {
            lease(lease);
          }
        });
    contentEntries.values().stream()
        .filter(entry -> entry.containsLabels(GcLabels.ROOT))
        .forEach(entry -> hold(label(entry.getDigest()), Thing.content(entry.getDigest())));
    snapshotRecords.forEach(
        (id, record) -> {
          if (record.containsLabels(GcLabels.ROOT)) {
            hold(label(record.getKey()), new Thing("snapshot", id));
          }
        });
  }

  private static Thing label(String of) {
    return new Thing("label", GcLabels.ROOT + " of " + of);
  }

  private void lease(LeaseEntry lease) {
    Thing root = new Thing("lease", lease.getId());
    boolean flat = lease.containsLabels(GcLabels.FLAT);
    for (LeaseResource resource : lease.getResourcesList()) {
      Thing held = held(resource);
      if (flat) {
        holders.computeIfAbsent(held, t -> new LinkedHashSet<>()).add(root);
      } else {
        hold(root, held);
      }
    }
  }

  private static Thing held(LeaseResource resource) {
    String type = resource.getType();
    return type.startsWith("snapshots/")
        ? Thing.snapshot(type.substring("snapshots/".length()), resource.getId())
        : new Thing(type, resource.getId());
  }

  static boolean isExpired(LeaseEntry lease, Instant now) {
    String until = lease.getLabelsOrDefault(GcLabels.EXPIRE, "");
    try {
      return !until.isEmpty() && Instant.parse(until).isBefore(now);
    } catch (DateTimeParseException e) {
      return false;
    }
  }

  private final Set<Thing> followed = new LinkedHashSet<>();

  private void hold(Thing holder, Thing held) {
    holders.computeIfAbsent(held, t -> new LinkedHashSet<>()).add(holder);
    if (followed.add(held)) {
      pending.add(held);
    }
  }

  private void follow(Thing thing) {
    switch (thing.kind()) {
      case "content" -> {
        ContentEntry entry = contentEntries.get(thing.id());
        if (entry != null) {
          labels(thing, entry.getLabelsMap());
        }
      }
      case "snapshot" -> {
        SnapshotRecord record = snapshotRecords.get(thing.id());
        if (record != null) {
          if (!record.getParent().isEmpty()) {
            hold(thing, Thing.snapshot(record.getSnapshotter(), record.getParent()));
          }
          labels(thing, record.getLabelsMap());
        }
      }
      default -> {}
    }
  }

  private void labels(Thing holder, Map<String, String> labels) {
    labels.forEach(
        (name, value) -> {
          if (name.startsWith(GcLabels.CONTENT)) {
            hold(holder, Thing.content(value));
          } else if (name.startsWith(GcLabels.SNAPSHOTS)) {
            // "overlayfs", or "overlayfs/2" where one thing holds several.
            String snapshotter = name.substring(GcLabels.SNAPSHOTS.length());
            int slash = snapshotter.indexOf('/');
            hold(
                holder,
                Thing.snapshot(slash < 0 ? snapshotter : snapshotter.substring(0, slash), value));
          }
        });
  }

  boolean holds(Thing thing) {
    return holders.containsKey(thing);
  }

  int count(String kind) {
    return (int) holders.keySet().stream().filter(thing -> thing.kind().equals(kind)).count();
  }

  /** Ways from a root down to the thing, the root first; none where nothing holds it. */
  List<List<Thing>> chains(Thing thing) {
    List<List<Thing>> found = new ArrayList<>();
    up(thing, new ArrayDeque<>(), found);
    return found;
  }

  private void up(Thing at, Deque<Thing> below, List<List<Thing>> found) {
    if (found.size() == CHAINS_MAX || below.contains(at)) {
      return;
    }
    Set<Thing> above = holders.getOrDefault(at, Set.of());
    if (above.isEmpty() && !below.isEmpty()) {
      List<Thing> chain = new ArrayList<>(List.of(at));
      chain.addAll(below);
      found.add(chain);
      return;
    }
    below.addFirst(at);
    above.forEach(holder -> up(holder, below, found));
    below.removeFirst();
  }
}
