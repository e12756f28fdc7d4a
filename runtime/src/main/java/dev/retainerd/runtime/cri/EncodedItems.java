package dev.retainerd.runtime.cri;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.wire.cri.v1.ContainerAttributes;
import dev.retainerd.wire.cri.v1.ContainerState;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Entries as the items of CRI's lists, encoded once for as long as they stay the same. A kubelet
 * lists every second what seldom changes: decoding each configuration, building its message and
 * writing that out again would be most of a list's time.
 *
 * <p>Thread-safe. It holds at most about as many items as the last whole list had.
 */
final class EncodedItems {
  /** Below this number nothing is forgotten. */
  private static final int FEW = 256;

  private record Pod(SandboxEntry entry, ByteString bytes) {}

  private record Shown(
      ContainerEntry entry,
      ContainerState state,
      ByteString bytes,
      ContainerAttributes attributes) {}

  private final ConcurrentHashMap<String, Pod> pods = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Shown> containers = new ConcurrentHashMap<>();

  /** A PodSandbox. */
  ByteString of(SandboxEntry entry) {
    String id = entry.getSandbox().getId();
    Pod known = pods.get(id);
    // The very object: entries are never changed, but replaced.
    if (known == null || known.entry != entry) {
      known = new Pod(entry, CriViews.sandbox(entry).toByteString());
      pods.put(id, known);
    }
    return known.bytes;
  }

  /** A Container. */
  ByteString of(ContainerEntry entry, Optional<TaskEntry> task) {
    return shown(entry, CriViews.state(entry, task), task).bytes;
  }

  /** What a container's numbers say whose they are. */
  ContainerAttributes attributes(ContainerEntry entry, Optional<TaskEntry> task) {
    return shown(entry, CriViews.state(entry, task), task).attributes;
  }

  private Shown shown(ContainerEntry entry, ContainerState state, Optional<TaskEntry> task) {
    String id = entry.getContainer().getId();
    Shown known = containers.get(id);
    if (known == null || known.entry != entry || known.state != state) {
      var view = CriViews.container(entry, task);
      known =
          new Shown(
              entry,
              state,
              view.toByteString(),
              ContainerAttributes.newBuilder()
                  .setId(id)
                  .setMetadata(view.getMetadata())
                  .putAllLabels(view.getLabelsMap())
                  .putAllAnnotations(view.getAnnotationsMap())
                  .build());
      containers.put(id, known);
    }
    return known;
  }

  /** A whole list was made: what is not in it is not there any more. */
  void keepPods(List<SandboxEntry> all) {
    if (pods.size() > FEW && pods.size() > all.size() + all.size() / 4) {
      Set<String> ids = new HashSet<>();
      all.forEach(entry -> ids.add(entry.getSandbox().getId()));
      pods.keySet().retainAll(ids);
    }
  }

  /** Likewise. */
  void keepContainers(List<ContainerEntry> all) {
    if (containers.size() > FEW && containers.size() > all.size() + all.size() / 4) {
      Set<String> ids = new HashSet<>();
      all.forEach(entry -> ids.add(entry.getContainer().getId()));
      containers.keySet().retainAll(ids);
    }
  }

  /**
   * A message that consists of these items in its repeated field of that number. On the wire it is
   * the same as one that was built from them.
   */
  static UnknownFieldSet field(int number, List<ByteString> items) {
    if (items.isEmpty()) {
      return UnknownFieldSet.getDefaultInstance();
    }
    UnknownFieldSet.Field.Builder field = UnknownFieldSet.Field.newBuilder();
    items.forEach(field::addLengthDelimited);
    return UnknownFieldSet.newBuilder().addField(number, field.build()).build();
  }
}
