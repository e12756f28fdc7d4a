package dev.retainerd.replay.export;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.store.words.Told;
import java.util.HashMap;
import java.util.Map;

/**
 * Learns which container is of which pod while events come by, and forgets it when a container is
 * gone. Not thread-safe.
 */
final class Owners {
  private final Map<String, String> podOf = new HashMap<>();

  void learn(Told told) {
    switch (told.event()) {
      case Event.ContainerCreating e -> belongs(e.payload().getContainer());
      case Event.ContainerCreated e -> belongs(e.payload().getContainer());
      default -> {}
    }
  }

  private void belongs(ContainerRecord container) {
    String pod = container.getCri().getSandboxId();
    if (!pod.isEmpty()) {
      podOf.put(container.getId(), pod);
    }
  }

  /** To be called behind {@link #of}. */
  void forget(Told told) {
    switch (told.event()) {
      case Event.ContainerRemoved e -> podOf.remove(e.payload().getId());
      case Event.ContainerCreateFailed e -> podOf.remove(e.payload().getId());
      default -> {}
    }
  }

  /** The pod that the event's thing is or belongs to; else the thing; {@code node} for the node. */
  String of(Told told) {
    String id = id(told.envelope().subject());
    String owner = id.isEmpty() ? "node" : podOf.getOrDefault(id, id);
    forget(told);
    return owner;
  }

  /** The container's, pod's or image's id in a subject; "" for the node. */
  static String id(String subject) {
    String[] parts = subject.split("/", 3);
    return parts.length < 2
        ? ""
        : parts[0].equals("exec") ? parts[1] : subject.substring(parts[0].length() + 1);
  }
}
